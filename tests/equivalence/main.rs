//! Law 1 of SEMANTICS §12: with the default trigger, the multiset of (value, timestamp, window, pane) is the same on the reference,
//! batch and stream runners, for any input, order of arrival, splits, bundle size and parallelism.

mod auctions;
mod fanout;
mod input;
mod pipelines;
mod window_fns;

use std::fmt::Debug;

use proptest::prelude::*;
use purlin::Failure;
use purlin::graph::Graph;
use purlin::prelude::*;
use purlin_tests::random_cases;

use input::Input;
use pipelines::{Pair, Recipe, Seen};

/// How many workers the parallel runners are tried with.
const PARALLELISM: [usize; 3] = [1, 2, 8];

proptest! {
    #![proptest_config(random_cases(200))]

    #[test]
    fn all_runners_agree(recipe in pipelines::recipe(), left in input::input(), right in input::input()) {
        let expected = outcome(&recipe, &left, &right, "reference", |graph| ReferenceRunner::new().run(graph));
        let without_fanout = outcome(&recipe.without_fanout(), &left, &right, "without fan-out", |graph| {
            ReferenceRunner::new().run(graph)
        });
        prop_assert_eq!(&without_fanout, &expected, "a fan-out shows");
        for workers in PARALLELISM {
            let batch = outcome(&recipe, &left, &right, "batch", |graph| {
                BatchRunner::new().parallelism(workers).run(graph)
            });
            prop_assert_eq!(&batch, &expected, "batch with {} workers", workers);
            let spilling = outcome(&recipe, &left, &right, "batch, spilling", |graph| {
                BatchRunner::new().parallelism(workers).memory_limit(Some(1)).run(graph)
            });
            prop_assert_eq!(&spilling, &expected, "batch with {} workers, spilling", workers);
            let stream = outcome(&recipe, &left, &right, "stream", |graph| {
                StreamRunner::new().parallelism(workers).run(graph)
            });
            prop_assert_eq!(&stream, &expected, "stream with {} workers", workers);
        }
    }
}

/// What a runner makes of a pipeline: everything observable of every output element, sorted.
fn outcome(
    recipe: &Recipe,
    left: &Input,
    right: &Input,
    runner: &str,
    run: impl Fn(&Graph) -> Result<(), Failure>,
) -> Vec<Seen> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    let read = |name: &str, input: &Input| -> PCollection<Pair> { pipeline.read(name, input.source()) };
    let (left, right) = (read("left", left), read("right", right));
    recipe.build(left, right).write("results", results.sink());
    let graph = ok(pipeline.graph(), runner);
    ok(run(&graph), runner);
    let mut seen = results.take();
    seen.sort();
    seen
}

fn ok<T>(result: Result<T, impl Debug>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error:?}"))
}
