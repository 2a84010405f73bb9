//! Law 1 of SEMANTICS §12: with the default trigger, the multiset of (value, timestamp, window, pane) is the same on the reference,
//! batch and stream runners, for any input, order of arrival, splits, bundle size and parallelism.

mod auctions;
mod fanout;

use proptest::prelude::*;
use purlin::Failure;
use purlin::prelude::*;
use purlin_tests::random::{self, Input, Pair, Recipe, Seen};
use purlin_tests::{Runner, random_cases};

proptest! {
    #![proptest_config(random_cases(200))]

    #[test]
    fn all_runners_agree(recipe in random::recipe(), left in random::input(), right in random::input()) {
        let expected = outcome(&recipe, &left, &right, Runner::Reference);
        prop_assert_eq!(&outcome(&recipe.without_fanout(), &left, &right, Runner::Reference), &expected, "a fan-out shows");
        for workers in [1, 2, 8] {
            for runner in [Runner::Batch(workers), Runner::Spilling(workers), Runner::Stream(workers)] {
                prop_assert_eq!(&outcome(&recipe, &left, &right, runner), &expected, "{}", runner);
            }
        }
        prop_assert_eq!(&outcome(&recipe, &left, &right, Runner::Unlifted(2)), &expected, "combiners not lifted");
    }
}

/// What a runner makes of a pipeline: everything observable of every output element, sorted.
fn outcome(recipe: &Recipe, left: &Input, right: &Input, runner: Runner) -> Vec<Seen> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    let read = |name: &str, input: &Input| -> PCollection<Pair> { pipeline.read(name, input.source()) };
    let (left, right) = (read("left", left), read("right", right));
    recipe.build(left, right).write("results", results.sink());
    let graph = ok(pipeline.graph(), runner);
    ok(runner.run(&graph), runner);
    let mut seen = results.take();
    seen.sort();
    seen
}

fn ok<T>(result: Result<T, Failure>, runner: Runner) -> T {
    result.unwrap_or_else(|failure| panic!("{runner}: {failure}"))
}
