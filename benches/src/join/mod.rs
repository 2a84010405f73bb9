//! Revenue per country: 10 million orders, joined with 200,000 customers' countries, both from Parquet files.
//!
//! About one order in eleven is of a customer that nobody knows.

mod by_hand;
mod pipeline;

use std::path::{Path, PathBuf};

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, mixed, mixed_with};
use crate::measure::{Bench, timed};
use crate::table::Table;
use crate::{inputs, totals};

/// As many customers order as are known.
const CUSTOMERS: u64 = 200_000;
const COUNTRIES: u64 = 200;

#[derive(Clone, Serialize, Deserialize, Row)]
struct Customer {
    customer: i64,
    country: CompactString,
}

/// Each side on all cores; Purlin's by `inner_join`.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    compare(bench, table, "join", pipeline::by_join)
}

/// The same; Purlin's side by a side input.
pub(crate) fn run_by_map(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    compare(bench, table, "join-by-map", pipeline::by_map)
}

type Purlin = fn(&Path, &Path) -> Result<Digest, BoxError>;

fn compare(bench: &Bench, table: &mut Table, case: &str, purlin: Purlin) -> Result<(), BoxError> {
    let orders = totals::of_customers(bench, "orders", CUSTOMERS)?;
    let customers = customers(bench)?;
    let by_hand = || timed(|| by_hand::revenues(&orders, &customers));
    bench.compare(table, case, bench.rows, by_hand, || timed(|| purlin(&orders, &customers)))
}

/// Every eleventh number is left out; ten elevenths of those that order are here.
fn customers(bench: &Bench) -> Result<PathBuf, BoxError> {
    inputs::parquet(bench, "customers", CUSTOMERS, |n| Customer {
        customer: (n + n / 10) as i64,
        country: format!("country-{:03}", mixed([n]) % COUNTRIES).into(),
    })
}

/// What a country adds to the digest.
fn of_country(name: &str, revenue: i64, orders: u64) -> u64 {
    mixed_with(name, [revenue as u64, orders])
}
