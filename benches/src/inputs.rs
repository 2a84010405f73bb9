//! Parquet files as inputs: made from numbers when a case first needs them, the same ones always.

use std::path::{Path, PathBuf};

use purlin::io::parquet::ParquetSink;
use purlin::prelude::*;

use crate::measure::Bench;
use crate::numbers::Numbers;

/// A folder with the rows that `row` makes of the numbers below `count`, made if this is the first time.
pub(crate) fn parquet<T: Row + Element>(
    bench: &Bench,
    name: &str,
    count: u64,
    row: impl Fn(u64) -> T + Send + Sync + 'static,
) -> Result<PathBuf, BoxError> {
    let path = bench.folder().join(format!("{name}-{count}.parquet"));
    if !path.exists() {
        eprintln!("making {count} {name} in {}", path.display());
        let pipeline = Pipeline::new();
        pipeline.read("numbers", Numbers { below: count }).map(name, row).write("rows", ParquetSink::<T>::new(&path));
        BatchRunner::new().run(&pipeline.graph()?)?;
    }
    Ok(path)
}

/// The Parquet files in a folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, BoxError> {
    let paths = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    Ok(paths.collect::<Result<_, _>>()?)
}
