//! Purlin's side, with names as one writes them first (`String`), and as one writes them who looks for speed (`CompactString`).

use std::path::Path;

use purlin::io::parquet::ParquetSource;
use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Measurement, THRESHOLD, of_total};
use crate::digest::{Digest, DigestSink};

/// A name stands in its row.
#[derive(Clone, Serialize, Deserialize, Row)]
struct ShortName {
    name: CompactString,
    value: i64,
}

/// With a `String` for each row.
pub(super) fn totals(input: &Path) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let high = pipeline
        .read("measurements", ParquetSource::<Measurement>::new(input.to_string_lossy()))
        .filter("high", |measurement| measurement.value > THRESHOLD)
        .map("pair", |measurement| (measurement.name, measurement.value));
    add_up(&pipeline, high)
}

/// With a `CompactString` for each row.
pub(super) fn totals_of_short(input: &Path) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let high = pipeline
        .read("measurements", ParquetSource::<ShortName>::new(input.to_string_lossy()))
        .filter("high", |measurement| measurement.value > THRESHOLD)
        .map("pair", |measurement| (measurement.name, measurement.value));
    add_up(&pipeline, high)
}

fn add_up<N: Key + AsRef<str>>(pipeline: &Pipeline, values: PCollection<(N, i64)>) -> Result<Digest, BoxError> {
    let digest = DigestSink::new(|(name, (sum, count)): &(N, (i64, u64))| of_total(name.as_ref(), *sum, *count));
    values.combine_per_key("total", (Sum, Count)).write("totals", digest.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    Ok(digest.take())
}
