//! Sums in windows of 10 seconds, one every second: 10 million orders of 1,000 customers over an hour, from one Parquet file.
//!
//! Each order lies in ten windows; 3.6 million sums come of them.

mod by_hand;
mod pipeline;

use purlin::prelude::*;

use crate::digest::mixed;
use crate::measure::{Bench, timed};
use crate::table::Table;
use crate::totals;

const CUSTOMERS: u64 = 1_000;

/// Each side on all cores; the sums are counted and summed.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = totals::of_customers(bench, "orders-of-thousand", CUSTOMERS)?;
    let by_hand = || timed(|| by_hand::sums(&input));
    bench.compare(table, "sliding", bench.rows, by_hand, || timed(|| pipeline::sums(&input)))
}

/// What a sum adds to the digest.
fn of_sum(customer: i64, window_start_ms: i64, sum: i64) -> u64 {
    mixed([customer as u64, window_start_ms as u64, sum as u64])
}
