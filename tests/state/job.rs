//! A script through a stateful `DoFn` on each runner: what comes out, when, and at what timestamp.

use std::fmt::Debug;

use purlin::Failure;
use purlin::prelude::*;
use purlin::source::TestStream;
use purlin_tests::Runner;

/// Every test runs on each of these.
pub(crate) const RUNNERS: [Runner; 5] =
    [Runner::Reference, Runner::Batch(1), Runner::Batch(4), Runner::Stream(1), Runner::Stream(4)];

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// What `build` makes of the script: the number of the event that made each result, the result, its timestamp. In that order.
pub(crate) fn outcome<T: Element, U: Element + Ord>(
    runner: Runner,
    script: &TestStream<T>,
    build: impl FnOnce(PCollection<T>) -> PCollection<U>,
) -> Result<Vec<(usize, U, i64)>, Failure> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    let under_way = script.under_way();
    build(pipeline.test_stream("script", script.clone()))
        .map_in("seen", move |value, at| (under_way.number(), value, at.timestamp.millis()))
        .write("results", results.sink());
    runner.run(&pipeline.graph()?)?;
    let mut seen = results.take();
    seen.sort();
    Ok(seen)
}

/// On every runner `build` makes exactly this of the script.
#[track_caller]
pub(crate) fn check<T: Element, U: Element + Ord + Debug>(
    script: TestStream<T>,
    build: impl Fn(PCollection<T>) -> PCollection<U>,
    expected: &[(usize, U, i64)],
) {
    for runner in RUNNERS {
        let seen = outcome(runner, &script, &build).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        assert_eq!(seen, expected, "{runner:?}");
    }
}

/// On every runner the transform `stateful` fails, and says this.
#[track_caller]
pub(crate) fn check_failure<T: Element, U: Element + Ord + Debug>(
    script: TestStream<T>,
    build: impl Fn(PCollection<T>) -> PCollection<U>,
    words: &[&str],
) {
    for runner in RUNNERS {
        let failure = outcome(runner, &script, &build).expect_err("it is refused");
        let told = failure.to_string();
        assert!(matches!(&failure, Failure::Transform { transform, .. } if transform == "stateful"), "{told}");
        assert!(words.iter().all(|word| told.contains(word)), "{runner:?}: {told}");
    }
}
