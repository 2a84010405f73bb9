//! Totals per customer and minute: 10 million orders of 200,000 customers over an hour, from one Parquet file.
//!
//! Most (customer, minute) pairs have one order or two, so nearly as many rows leave as enter.

mod by_hand;
mod pipeline;

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use purlin::prelude::*;

use crate::digest::{Digest, mixed};
use crate::generate::SampleOrders;
use crate::inputs::{self, files};
use crate::measure::{Bench, Run, Side, timed};
use crate::orders::{Order, Total};
use crate::table::Table;

const CUSTOMERS: u64 = 200_000;

/// Parquet to Parquet, each on all cores.
pub(crate) fn with_output(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = input(bench)?;
    let by_hand = || write(bench, |output| by_hand::write(&input, output));
    let purlin = || write(bench, |output| pipeline::write(&input, output, BatchRunner::new()));
    bench.compare(table, "totals", bench.rows, by_hand, purlin)
}

/// How many times as fast either side is on two cores as on one.
pub(crate) fn scaling(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    if bench.alone.is_some() {
        return Ok(());
    }
    let input = input(bench)?;
    let by_hand = |cores| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build()?;
        write(bench, |output| pool.install(|| by_hand::write(&input, output)))
    };
    let purlin = |cores| write(bench, |output| pipeline::write(&input, output, BatchRunner::new().parallelism(cores)));
    let sides: [Side<'_>; 4] = [&mut || by_hand(1), &mut || by_hand(2), &mut || purlin(1), &mut || purlin(2)];
    let (took, _) = bench.in_turns("scaling", sides)?;
    let [by_hand_1, by_hand_2, purlin_1, purlin_2] = took.map(|took| took.as_secs_f64());
    table.figures("scaling: 2 cores to 1", by_hand_1 / by_hand_2, purlin_1 / purlin_2);
    Ok(())
}

/// The same, but the totals are counted and summed instead of written.
pub(crate) fn without_output(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = input(bench)?;
    let by_hand = || timed(|| by_hand::sum(&input));
    let purlin = || timed(|| pipeline::sum(&input, Runner::Batch));
    bench.compare(table, "totals-unwritten", bench.rows, by_hand, purlin)
}

/// The same; here the batch runner is the yardstick for the stream runner.
pub(crate) fn on_both_runners(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = input(bench)?;
    let batch = || timed(|| pipeline::sum(&input, Runner::Batch));
    let stream = || timed(|| pipeline::sum(&input, Runner::Stream));
    bench.compare(table, "stream-totals", bench.rows, batch, stream)
}

/// Which runner totals them.
#[derive(Clone, Copy)]
enum Runner {
    Batch,
    Stream,
}

/// What is summed over the totals: both of their figures.
fn figures(total: i64, orders: i64) -> u64 {
    (total as u64).wrapping_add((orders as u64) << 40)
}

/// The folder with the orders.
fn input(bench: &Bench) -> Result<PathBuf, BoxError> {
    of_customers(bench, "orders", CUSTOMERS)
}

/// A folder with orders of some number of customers.
pub(crate) fn of_customers(bench: &Bench, name: &str, customers: u64) -> Result<PathBuf, BoxError> {
    let orders = SampleOrders { count: bench.rows, customers, seed: 1 };
    inputs::parquet::<Order>(bench, name, bench.rows, move |n| orders.order(n))
}

/// Totals written to a folder of their own.
fn write(bench: &Bench, work: impl FnOnce(&Path) -> Result<(), BoxError>) -> Run {
    let folder = tempfile::tempdir_in(bench.folder())?;
    let output = folder.path().join("totals");
    let (took, ()) = timed(|| work(&output))?;
    Ok((took, written(&output)?))
}

/// All that was written, read back.
fn written(folder: &Path) -> Result<Digest, BoxError> {
    let mut digest = Digest::default();
    let mut rows = Vec::new();
    for file in files(folder)? {
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()? {
            rows.clear();
            Total::read_batch(&batch?, &mut rows)?;
            for row in &rows {
                let fields = [row.customer, row.window_start.millis(), row.total, row.orders];
                digest.add(mixed(fields.map(|field| field as u64)));
            }
        }
    }
    Ok(digest)
}
