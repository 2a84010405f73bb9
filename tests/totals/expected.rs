//! What must come out, by a plain loop.

use std::collections::HashMap;
use std::path::Path;

use crate::orders::each_order;
use crate::total::Total;

/// The totals of the orders in a folder, sorted.
pub(crate) fn totals(folder: &Path, window_ms: i64) -> Vec<Total> {
    let mut sums: HashMap<(i64, i64), (i64, i64)> = HashMap::new();
    each_order(folder, |order| {
        let window_start = order.at - order.at.rem_euclid(window_ms);
        let (total, orders) = sums.entry((order.customer, window_start)).or_default();
        *total += order.amount;
        *orders += 1;
    });
    let total = |((customer, window_start), (total, orders))| Total { customer, window_start, total, orders };
    let mut totals: Vec<_> = sums.into_iter().map(total).collect();
    totals.sort();
    totals
}

/// Both are sorted; on a difference the first one is shown, not a million lines.
pub(crate) fn assert_same(what: &str, actual: &[Total], expected: &[Total]) {
    assert!(!expected.is_empty(), "{what}: nothing is expected, so nothing is tested");
    if let Some((actual, expected)) = actual.iter().zip(expected).find(|(actual, expected)| actual != expected) {
        panic!("{what}: {actual:?} where {expected:?} belongs");
    }
    assert_eq!(actual.len(), expected.len(), "{what}: so many totals");
}
