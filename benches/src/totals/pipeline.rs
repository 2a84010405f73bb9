//! Purlin's side: the pipeline of `examples/totals`.

use std::path::Path;

use purlin::io::parquet::{ParquetSink, ParquetSource};
use purlin::prelude::*;

use super::{Runner, figures};
use crate::digest::{Digest, DigestSink};
use crate::orders::{Order, Total};

fn totals(pipeline: &Pipeline, input: &Path) -> PCollection<Total> {
    pipeline
        .read("orders", ParquetSource::<Order>::new(input.to_string_lossy()).event_time(|order| order.at))
        .window(Fixed::of(minutes(1)))
        .key_by("customer", |order| order.customer)
        .combine_per_key("total", (Sum.of(|order: &Order| order.amount), Count))
        .map_in("row", |(customer, (total, orders)), at| Total {
            customer,
            window_start: at.window.start,
            total,
            orders: orders as i64,
        })
}

/// Writes the totals to a folder.
pub(super) fn write(input: &Path, output: &Path, runner: BatchRunner) -> Result<(), BoxError> {
    let pipeline = Pipeline::new();
    totals(&pipeline, input).write("totals", ParquetSink::new(output));
    Ok(runner.run(&pipeline.graph()?)?)
}

/// Counts and sums the totals.
pub(super) fn sum(input: &Path, runner: Runner) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let digest = DigestSink::new(|row: &Total| figures(row.total, row.orders));
    totals(&pipeline, input).write("totals", digest.sink());
    let graph = pipeline.graph()?;
    match runner {
        Runner::Batch => BatchRunner::new().run(&graph)?,
        Runner::Stream => StreamRunner::new().run(&graph)?,
    }
    Ok(digest.take())
}
