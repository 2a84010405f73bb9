//! The yardstick: countries become numbers, customers an array of these, and each core looks its orders up there.
//!
//! Customers' numbers lie close together, which the array relies on; if they do not, a hash table takes its place.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use purlin::BoxError;

use super::of_country;
use crate::digest::Digest;
use crate::row_groups::{RowGroups, column, numbers};

/// An array may have so many places for each customer.
const SPARSENESS_MAX: usize = 8;
/// The country of whom nobody knows; known ones count from 1.
const UNKNOWN: u32 = 0;

pub(super) fn revenues(orders: &Path, customers: &Path) -> Result<Digest, BoxError> {
    let known = known(customers)?;
    let row_groups = RowGroups::open(orders, &["customer", "amount"], &ArrowReaderOptions::new())?;
    let shares = match Array::of(&known.countries) {
        Some(array) => totals(&row_groups, known.names.len(), |customer| array.country(customer)),
        None => {
            let countries: HashMap<i64, u32> = known.countries.iter().copied().collect();
            totals(&row_groups, known.names.len(), |customer| countries.get(&customer).copied().unwrap_or(UNKNOWN))
        }
    }?;
    let countries = known.names.iter().enumerate().skip(1).map(|(country, name)| {
        let of_share = shares.iter().map(|share| share[country]);
        let total = of_share.reduce(|a, b| Total { revenue: a.revenue + b.revenue, orders: a.orders + b.orders });
        (name, total.unwrap_or_default())
    });
    Ok(countries
        .filter(|(_, total)| total.orders > 0)
        .map(|(name, total)| of_country(name, total.revenue, total.orders))
        .collect())
}

/// Who is from where.
struct Known {
    /// The first stands for unknown.
    names: Vec<String>,
    /// Customers with their country's number, each customer once.
    countries: Vec<(i64, u32)>,
}

fn known(customers: &Path) -> Result<Known, BoxError> {
    let row_groups = RowGroups::open(customers, &["customer", "country"], &ArrowReaderOptions::new())?;
    let shares = row_groups.fold(Vec::new, |batches, batch| {
        batches.push(batch.clone());
        Ok(())
    })?;
    let mut numbers_of_names = HashMap::<String, u32>::new();
    let mut known = Known { names: vec!["unknown".into()], countries: Vec::with_capacity(row_groups.rows) };
    for batch in shares.iter().flatten() {
        let names = column(batch, "country")?.as_string::<i32>();
        for (customer, name) in numbers::<Int64Type>(batch, "customer")?.iter().zip(names.iter().flatten()) {
            let number = *numbers_of_names.entry_ref(name).or_insert_with(|| {
                known.names.push(name.into());
                known.names.len() as u32 - 1
            });
            known.countries.push((*customer, number));
        }
    }
    Ok(known)
}

/// Countries by customer.
struct Array {
    first: i64,
    countries: Vec<u32>,
}

impl Array {
    /// `None` if there would be too much room between customers.
    fn of(known: &[(i64, u32)]) -> Option<Self> {
        let first = known.iter().map(|(customer, _)| *customer).min()?;
        let last = known.iter().map(|(customer, _)| *customer).max()?;
        let places = usize::try_from(last.checked_sub(first)?).ok()? + 1;
        (places <= known.len() * SPARSENESS_MAX).then(|| {
            let mut countries = vec![UNKNOWN; places];
            known.iter().for_each(|(customer, country)| countries[(customer - first) as usize] = *country);
            Array { first, countries }
        })
    }

    #[inline]
    fn country(&self, customer: i64) -> u32 {
        self.countries.get(customer.wrapping_sub(self.first) as usize).copied().unwrap_or(UNKNOWN)
    }
}

#[derive(Clone, Copy, Default)]
struct Total {
    revenue: i64,
    orders: u64,
}

/// Each core's totals by country.
fn totals(
    row_groups: &RowGroups<'_>,
    countries: usize,
    country: impl Fn(i64) -> u32 + Sync,
) -> Result<Vec<Vec<Total>>, BoxError> {
    let add = |totals: &mut Vec<Total>, batch: &RecordBatch| {
        let amounts = numbers::<Int64Type>(batch, "amount")?;
        for (customer, amount) in numbers::<Int64Type>(batch, "customer")?.iter().zip(amounts) {
            let total = &mut totals[country(*customer) as usize];
            total.revenue += amount;
            total.orders += 1;
        }
        Ok(())
    };
    row_groups.fold(|| vec![Total::default(); countries], add)
}
