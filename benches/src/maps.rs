//! Element-wise transforms in memory, on one core: what a transform costs beyond its closure.

use std::hint::black_box;

use purlin::prelude::*;

use crate::digest::{Digest, DigestSink};
use crate::measure::{Bench, timed};
use crate::numbers::Numbers;
use crate::table::Table;

/// Three maps; then the same with a filter between.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let count = bench.rows * 10;
    let by_hand = || timed(|| Ok(sum(count, |n| Some(third(second(first(n)))))));
    let purlin = || timed(|| run_pipeline(count, |n| n.map("first", first).map("second", second).map("third", third)));
    bench.compare(table, "maps", count, by_hand, purlin)?;

    let by_hand = || timed(|| Ok(sum(count, |n| Some(second(first(n))).filter(keep).map(third))));
    let purlin = || {
        timed(|| {
            run_pipeline(count, |n| {
                n.map("first", first).map("second", second).filter("keep", keep).map("third", third)
            })
        })
    };
    bench.compare(table, "maps-filter", count, by_hand, purlin)
}

fn first(n: u64) -> u64 {
    n ^ (n >> 7)
}

fn second(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn third(n: u64) -> u64 {
    n.rotate_left(9) + 1
}

fn keep(n: &u64) -> bool {
    !n.is_multiple_of(8)
}

/// The plain loop.
fn sum(count: u64, f: impl Fn(u64) -> Option<u64>) -> Digest {
    let mut digest = Digest::default();
    for n in 0..black_box(count) {
        if let Some(n) = f(n) {
            digest.add(n);
        }
    }
    digest
}

fn run_pipeline(count: u64, f: impl FnOnce(PCollection<u64>) -> PCollection<u64>) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let digest = DigestSink::new(|n: &u64| *n);
    f(pipeline.read("numbers", Numbers { below: count })).write("sum", digest.sink());
    BatchRunner::new().parallelism(1).run(&pipeline.graph()?)?;
    Ok(digest.take())
}
