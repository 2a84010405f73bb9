//! Scripts (SEMANTICS §11): the outcome of a `TestStream` is the same on all runners and at any parallelism, event by event and pane by pane.
//!
//! Random scripts go through random pipelines of several groupings under any windowing: late data, empty panes, processing time that is
//! handed down by synchronized triggers, merging windows, side inputs, dropped elements.

mod pipeline;
mod script;

use proptest::prelude::*;
use purlin::prelude::*;
use purlin_tests::{Runner, random_cases};

use pipeline::{Recipe, Seen};
use script::{Event, test_stream};

proptest! {
    #![proptest_config(random_cases(300))]

    #[test]
    fn all_runners_agree_event_by_event(recipe in pipeline::recipe(), script in script::script()) {
        let expected = outcome(&recipe, &script, Runner::Reference);
        for runner in [Runner::Batch(1), Runner::Batch(3), Runner::Stream(1), Runner::Stream(4)] {
            prop_assert_eq!(&outcome(&recipe, &script, runner), &expected, "{:?}", runner);
        }
    }
}

/// Everything observable of every output element, sorted, the number of the event that made it first.
fn outcome(recipe: &Recipe, script: &[Event], runner: Runner) -> Vec<Seen> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    let events = test_stream(script);
    let under_way = events.under_way();
    recipe.build(pipeline.test_stream("events", events), under_way).write("results", results.sink());
    let graph = pipeline.graph().unwrap_or_else(|failure| panic!("{failure}"));
    runner.run(&graph).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
    let mut seen = results.take();
    seen.sort();
    seen
}
