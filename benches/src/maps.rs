//! Element-wise transforms in memory, on one core: what a transform costs beyond its closure.

use std::fmt;
use std::hint::black_box;

use async_trait::async_trait;
use purlin::bundle::{BUNDLE_TARGET, Bundle};
use purlin::prelude::*;
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, DigestSink};
use crate::measure::{Bench, Table, timed};

/// Three maps; then the same with a filter between.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let count = bench.rows * 10;
    let by_hand = || timed(|| Ok(sum(count, |n| Some(third(second(first(n)))))));
    let purlin = || timed(|| run_pipeline(count, |n| n.map("first", first).map("second", second).map("third", third)));
    table.add(bench.compare("maps", count, by_hand, purlin)?);

    let by_hand = || timed(|| Ok(sum(count, |n| Some(second(first(n))).filter(keep).map(third))));
    let purlin = || {
        timed(|| {
            run_pipeline(count, |n| {
                n.map("first", first).map("second", second).filter("keep", keep).map("third", third)
            })
        })
    };
    table.add(bench.compare("maps-filter", count, by_hand, purlin)?);
    Ok(())
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

/// Numbers from 0 on, in bundles of the usual size.
struct Numbers {
    below: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Range {
    next: u64,
    end: u64,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "numbers {}..{}", self.next, self.end)
    }
}

#[async_trait]
impl Source for Numbers {
    type Item = u64;
    type Split = Range;

    fn describe(&self) -> String {
        format!("numbers below {}", self.below)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, _request: SplitRequest) -> Result<Vec<Range>, BoxError> {
        Ok(vec![Range { next: 0, end: self.below }])
    }

    async fn open(&self, split: Range) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(split))
    }
}

#[async_trait]
impl Reader<Numbers> for Range {
    async fn read(&mut self, into: &mut Bundle<u64>) -> Result<Progress, BoxError> {
        let upto = self.end.min(self.next + BUNDLE_TARGET as u64);
        into.fill(self.next..upto);
        self.next = upto;
        Ok(if upto == self.end { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Range {
        self.clone()
    }
}
