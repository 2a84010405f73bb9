//! What Apache Beam's ValidatesRunner suites check, category by category, on every runner (docs/validates-runner.md is the index).

mod co_group;
mod combine;
mod edges;
mod empty;
mod flatten;
mod group_by_key;
mod large_keys;
mod metrics;
mod ordering;
mod panes;
mod par_do;
mod reshuffle;
mod side_inputs;
mod splittable;
mod state;
mod test_stream;
mod wait_on;
mod windows;

use purlin::prelude::*;
use purlin::testing::{Runner, TestPipeline};
use purlin::window::Window;

/// Every test runs on each of these.
pub(crate) const RUNNERS: [Runner; 5] =
    [Runner::Reference, Runner::Batch(1), Runner::Batch(4), Runner::Stream(1), Runner::Stream(4)];

/// A pipeline that each runner runs; what is collected must be the same on all.
pub(crate) fn test() -> TestPipeline {
    TestPipeline::on(RUNNERS)
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(crate) fn window(start_ms: i64, end_ms: i64) -> Window {
    Window::new(at(start_ms), at(end_ms))
}

/// What every runner says when it fails on what `build` makes; it must fail on each, and in the transform `bad`.
#[track_caller]
pub(crate) fn failure_in_bad<T: Element>(build: impl Fn(&Pipeline) -> PCollection<T>) -> String {
    let mut told = Vec::new();
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        build(&pipeline).write("results", results.sink());
        let failure = runner.run(&pipeline.graph().unwrap()).expect_err("it fails");
        assert!(results.take().is_empty(), "{runner}: something was published");
        match &failure {
            Failure::Transform { transform, cause, .. } if transform == "bad" => told.push(cause.to_string()),
            _ => panic!("{runner}: {failure}"),
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "all runners say the same");
    told.remove(0)
}
