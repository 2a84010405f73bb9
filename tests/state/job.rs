//! A stateful `DoFn` over a script, on each runner.

use std::fmt::Debug;

use purlin::bundle::ElementSides;
use purlin::prelude::*;
use purlin_tests::{Live, Runner, Scripted};

/// Every test runs on each of these.
pub(crate) const RUNNERS: [Runner; 4] = [Runner::Batch(1), Runner::Batch(4), Runner::Stream(1), Runner::Stream(4)];

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// What `build` makes of a script in which nothing is late: each result with its timestamp, window and pane, in order of value.
pub(crate) fn run<T, U>(
    runner: Runner,
    elements: &[(T, i64)],
    build: impl FnOnce(PCollection<T>) -> PCollection<U>,
) -> Vec<(U, ElementSides)>
where
    T: Element,
    U: Element + Ord,
{
    let (pipeline, results) = (Pipeline::new(), Live::new());
    let elements: Vec<(T, Timestamp)> = elements.iter().map(|(value, ms)| (value.clone(), at(*ms))).collect();
    let script = Scripted { splits: vec![elements].into(), bundle: 1, moving_watermark: true };
    build(pipeline.read("script", script)).write("results", results.sink());
    let graph = pipeline.graph().expect("a sound graph");
    runner.run(&graph).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
    let mut seen = results.seen();
    seen.sort_by(|(one, _), (other, _)| one.cmp(other));
    seen
}

/// On every runner `build` makes these values, at these timestamps, of the script.
pub(crate) fn check<T, U>(
    elements: &[(T, i64)],
    build: impl Fn(PCollection<T>) -> PCollection<U>,
    expected: &[(U, i64)],
) where
    T: Element,
    U: Element + Ord + Debug,
{
    for runner in RUNNERS {
        let seen = run(runner, elements, &build);
        let seen: Vec<(U, i64)> = seen.into_iter().map(|(value, sides)| (value, sides.timestamp.millis())).collect();
        assert_eq!(seen, expected, "{runner:?}");
    }
}
