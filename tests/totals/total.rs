//! The output, read by the bare readers: from Parquet files and from topics.

use std::path::Path;

use arrow_array::types::{Int64Type, TimestampMillisecondType};
use purlin_tests::Broker;
use serde::Deserialize;

use crate::orders::{batches, column};

/// One result, as the program writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Total {
    pub(crate) customer: i64,
    pub(crate) window_start: i64,
    pub(crate) total: i64,
    pub(crate) orders: i64,
}

/// All totals in a folder of Parquet files, sorted.
pub(crate) fn in_folder(folder: &Path) -> Vec<Total> {
    let mut totals = Vec::new();
    for batch in batches(folder) {
        let number = |name| column::<Int64Type>(&batch, name);
        let (customers, sums, counts) = (number("customer"), number("total"), number("orders"));
        let starts = column::<TimestampMillisecondType>(&batch, "window_start");
        totals.extend((0..batch.num_rows()).map(|row| Total {
            customer: customers.value(row),
            window_start: starts.value(row),
            total: sums.value(row),
            orders: counts.value(row),
        }));
    }
    totals.sort();
    totals
}

/// All totals in a topic that a reader of committed records sees, sorted.
pub(crate) fn in_committed(broker: &Broker, topic: &str) -> Vec<Total> {
    let parsed = |payload: Vec<u8>| serde_json::from_slice(&payload).expect("a total");
    let mut totals: Vec<Total> = broker.committed(topic).into_iter().map(parsed).collect();
    totals.sort();
    totals
}

/// All totals in a topic, sorted.
pub(crate) fn in_topic(broker: &Broker, topic: &str) -> Vec<Total> {
    let parsed = |payload: Vec<u8>| serde_json::from_slice(&payload).expect("a total");
    let mut totals: Vec<Total> = broker.payloads(topic).into_iter().map(parsed).collect();
    totals.sort();
    totals
}
