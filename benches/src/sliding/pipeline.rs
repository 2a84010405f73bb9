//! Purlin's side.

use std::path::Path;

use purlin::io::parquet::ParquetSource;
use purlin::prelude::*;

use super::of_sum;
use crate::digest::{Digest, DigestSink};
use crate::orders::Order;

pub(super) fn sums(input: &Path) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let digest = DigestSink::new(|(customer, start_ms, sum): &(i64, i64, i64)| of_sum(*customer, *start_ms, *sum));
    pipeline
        .read("orders", ParquetSource::<Order>::new(input.to_string_lossy()).event_time(|order| order.at))
        .window(Sliding::of(seconds(10)).every(seconds(1)))
        .map("pair", |order| (order.customer, order.amount))
        .combine_per_key("sum", Sum)
        .map_in("row", |(customer, sum), at| (customer, at.window.start.millis(), sum))
        .write("sums", digest.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    Ok(digest.take())
}
