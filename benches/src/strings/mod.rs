//! Totals per name: 10 million measurements with 1,000 names, from one Parquet file; about half of them count.

mod by_hand;
mod pipeline;

use std::path::PathBuf;

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use crate::digest::{mixed, mixed_with};
use crate::inputs;
use crate::measure::{Bench, timed};
use crate::table::Table;

const NAMES: u64 = 1_000;
const VALUES: u64 = 1_000;
/// Values above it count.
const THRESHOLD: i64 = 500;

#[derive(Clone, Serialize, Deserialize, Row)]
struct Measurement {
    name: String,
    value: i64,
}

/// Each side on all cores; sums and counts are compared.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = input(bench)?;
    let by_hand = || timed(|| by_hand::totals(&input));
    bench.compare(table, "strings", bench.rows, by_hand, || timed(|| pipeline::totals(&input)))
}

/// The same, but names take no memory beside Purlin's rows.
pub(crate) fn run_short(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = input(bench)?;
    let by_hand = || timed(|| by_hand::totals(&input));
    bench.compare(table, "strings-short", bench.rows, by_hand, || timed(|| pipeline::totals_of_short(&input)))
}

fn input(bench: &Bench) -> Result<PathBuf, BoxError> {
    inputs::parquet(bench, "measurements", bench.rows, |n| {
        let random = mixed([n]);
        let name = format!("sensor-{:03}", random % NAMES);
        Measurement { name, value: 1 + (random >> 32 & 0xffff_ffff) as i64 % VALUES as i64 }
    })
}

/// What a total adds to the digest.
fn of_total(name: &str, sum: i64, count: u64) -> u64 {
    mixed_with(name, [sum as u64, count])
}
