//! The yardstick: orders are summed by the second, and a window's sum is the one before it with a second more and one less.
//!
//! Customers get numbers from 0 on, so that the sums of a second stand in an array; orders come nearly in order of time, so that the
//! arrays in use stay in the cache.

use std::collections::VecDeque;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use purlin::BoxError;
use rayon::prelude::*;

use super::of_sum;
use crate::digest::Digest;
use crate::row_groups::{RowGroups, numbers};

const SECOND_MS: i64 = 1_000;
const SECONDS_IN_WINDOW: i64 = 10;
/// Windows that one core slides over in a go.
const WINDOWS_AT_ONCE: i64 = 256;

/// What a customer ordered in a second, or in a window.
#[derive(Clone, Copy, Default)]
struct Sum {
    amount: i64,
    orders: i64,
}

pub(super) fn sums(input: &Path) -> Result<Digest, BoxError> {
    let row_groups = RowGroups::open(input, &["customer", "amount", "at"], &ArrowReaderOptions::new())?;
    let shares = row_groups.fold(Seconds::default, Seconds::take)?;
    let Some(all) = shares.into_iter().filter(|share| !share.sums.is_empty()).reduce(Seconds::merged) else {
        return Ok(Digest::default());
    };
    let mut customers = vec![0; all.numbers.len()];
    all.numbers.iter().for_each(|(customer, number)| customers[*number] = *customer);
    let (first, last) = (all.first - SECONDS_IN_WINDOW + 1, all.first + all.sums.len() as i64 - 1);
    let begins: Vec<i64> = (first..=last).step_by(WINDOWS_AT_ONCE as usize).collect();
    let digests =
        begins.into_par_iter().map(|begin| all.slide(&customers, begin, last.min(begin + WINDOWS_AT_ONCE - 1)));
    Ok(digests.reduce(Digest::default, |mut left, right| {
        left.merge(right);
        left
    }))
}

/// Sums by second and customer.
#[derive(Default)]
struct Seconds {
    /// Customers' numbers, from 0 on.
    numbers: HashMap<i64, usize>,
    /// The second that comes first.
    first: i64,
    /// Of each second from there on, by customers' numbers; customers beyond a second's end have none.
    sums: VecDeque<Vec<Sum>>,
}

impl Seconds {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), BoxError> {
        let customers = numbers::<Int64Type>(batch, "customer")?;
        let amounts = numbers::<Int64Type>(batch, "amount")?;
        let times = numbers::<TimestampMillisecondType>(batch, "at")?;
        for ((customer, amount), at) in customers.iter().zip(amounts).zip(times) {
            let next = self.numbers.len();
            let number = *self.numbers.entry(*customer).or_insert(next);
            let sum = self.sum(at.div_euclid(SECOND_MS), number);
            sum.amount += amount;
            sum.orders += 1;
        }
        Ok(())
    }

    #[inline]
    fn sum(&mut self, second: i64, number: usize) -> &mut Sum {
        if self.sums.is_empty() {
            self.first = second;
        }
        while second < self.first {
            self.sums.push_front(Vec::new());
            self.first -= 1;
        }
        let place = (second - self.first) as usize;
        if place >= self.sums.len() {
            self.sums.resize(place + 1, Vec::new());
        }
        let sums = &mut self.sums[place];
        if number >= sums.len() {
            sums.resize(self.numbers.len(), Sum::default());
        }
        &mut sums[number]
    }

    fn merged(mut self, other: Seconds) -> Seconds {
        let mut renumbered = vec![0; other.numbers.len()];
        for (customer, number) in other.numbers {
            let next = self.numbers.len();
            renumbered[number] = *self.numbers.entry(customer).or_insert(next);
        }
        for (second, sums) in (other.first..).zip(other.sums) {
            for (number, sum) in sums.into_iter().enumerate().filter(|(_, sum)| sum.orders > 0) {
                let into = self.sum(second, renumbered[number]);
                into.amount += sum.amount;
                into.orders += sum.orders;
            }
        }
        self
    }

    /// The windows that begin from second `begin` to second `end`.
    fn slide(&self, customers: &[i64], begin: i64, end: i64) -> Digest {
        let of_second = |second: i64| {
            let place = usize::try_from(second - self.first).ok();
            place.and_then(|place| self.sums.get(place)).map_or(&[][..], Vec::as_slice)
        };
        let mut window = vec![Sum::default(); customers.len()];
        let add = |window: &mut [Sum], second, sign| {
            for (into, sum) in window.iter_mut().zip(of_second(second)) {
                into.amount += sign * sum.amount;
                into.orders += sign * sum.orders;
            }
        };
        (begin..begin + SECONDS_IN_WINDOW - 1).for_each(|second| add(&mut window, second, 1));
        let mut digest = Digest::default();
        for start in begin..=end {
            add(&mut window, start + SECONDS_IN_WINDOW - 1, 1);
            for (customer, sum) in customers.iter().zip(&window).filter(|(_, sum)| sum.orders > 0) {
                digest.add(of_sum(*customer, start * SECOND_MS, sum.amount));
            }
            add(&mut window, start, -1);
        }
        digest
    }
}
