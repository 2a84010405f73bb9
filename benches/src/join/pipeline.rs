//! Purlin's side: by `inner_join`, which is what one takes first, and by a map as a side input, which is what one takes who knows that
//! one side is small.

use std::path::Path;

use purlin::io::parquet::ParquetSource;
use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Customer, of_country};
use crate::digest::{Digest, DigestSink};

/// The columns of orders that are asked for.
#[derive(Clone, Serialize, Deserialize, Row)]
struct Sale {
    customer: i64,
    amount: i64,
}

/// Customers are held in memory, orders pass.
pub(super) fn by_join(orders: &Path, customers: &Path) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let countries = countries(&pipeline, customers);
    let sales = sales(&pipeline, orders)
        .map("pair", |sale| (sale.customer, sale.amount))
        .inner_join("with country", &countries)
        .map("by country", |(_, (amount, country))| (country, amount));
    add_up(&pipeline, sales)
}

/// Each order looks its customer up.
pub(super) fn by_map(orders: &Path, customers: &Path) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let countries = countries(&pipeline, customers).as_map();
    let sales = sales(&pipeline, orders).flat_map_with("by country", &countries, |sale, countries| {
        countries.get(&sale.customer).map(|country| (country.clone(), sale.amount))
    });
    add_up(&pipeline, sales)
}

fn sales(pipeline: &Pipeline, orders: &Path) -> PCollection<Sale> {
    pipeline.read("orders", ParquetSource::new(orders.to_string_lossy()))
}

fn countries(pipeline: &Pipeline, customers: &Path) -> PCollection<(i64, CompactString)> {
    pipeline
        .read("customers", ParquetSource::<Customer>::new(customers.to_string_lossy()))
        .map("country", |customer| (customer.customer, customer.country))
}

fn add_up(pipeline: &Pipeline, sales: PCollection<(CompactString, i64)>) -> Result<Digest, BoxError> {
    let digest = DigestSink::new(|(country, (revenue, orders)): &(CompactString, (i64, u64))| {
        of_country(country, *revenue, *orders)
    });
    sales.combine_per_key("revenue", (Sum, Count)).write("revenues", digest.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    Ok(digest.take())
}
