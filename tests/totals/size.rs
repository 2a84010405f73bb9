//! How much there is to do and how long it may take.

use std::time::Duration;

use purlin_tests::{PATIENCE, Place};

/// Enough for many bundles, row groups' worth of splits and thousands of results; few enough for every day.
const ORDERS: u64 = 200_000;

/// How slow a build without optimisation may be on a busy machine.
const ORDERS_PER_SECOND_MIN: u64 = 10_000;

/// How many orders the large runs have.
pub(crate) fn orders() -> u64 {
    let said = std::env::var("PURLIN_TOTALS_ORDERS").ok();
    said.map_or(ORDERS, |orders| orders.replace('_', "").parse().expect("PURLIN_TOTALS_ORDERS is a number"))
}

/// How long one of them may take.
pub(crate) fn patience() -> Duration {
    PATIENCE + Duration::from_secs(orders() / ORDERS_PER_SECOND_MIN)
}

/// A place that waits for as long as large runs may take.
pub(crate) fn place() -> Place {
    Place::new().patience(patience())
}
