//! Law 4 of SEMANTICS §12 on random pipelines: checkpoints, failures, restores and other parallelisms change nothing observable.
//!
//! A seed is everything: the pipeline, its input, the world. A seed that fails is shrunk to the smallest pipeline that still fails.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use purlin::prelude::*;
use purlin::state::{EventTimer, Value};
use purlin::testing::{Outcome, simulate};
use purlin_tests::random::{Input, Pair, Recipe, input, recipe};

use crate::{seeds, tell};

/// At most so many smaller pipelines are tried.
const SHRINKS: usize = 300;

/// A pipeline with its inputs, whether stateful work comes beside it, and whether the right input has a sink of its own.
type Case = (Recipe, Input, Input, bool, bool);

/// The sum of a key's values in its window, told by a timer at the window's end.
#[derive(Clone)]
struct SumAtTheEnd;

#[derive(State)]
struct SumSoFar {
    sum: Value<i64>,
    count: Value<u32>,
    end: EventTimer,
}

impl StatefulDoFn<i64, i64> for SumAtTheEnd {
    type State = SumSoFar;
    type Out = Output<(i64, i64, u32)>;

    fn process(
        &mut self,
        _key: &i64,
        value: i64,
        so_far: &mut SumSoFar,
        cx: &StateContext,
        _out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        so_far.sum.set(so_far.sum.get().copied().unwrap_or_default().wrapping_add(value));
        so_far.count.set(so_far.count.get().copied().unwrap_or_default() + 1);
        so_far.end.set(cx.window().max_timestamp());
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &i64,
        so_far: &mut SumSoFar,
        _cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let sum = so_far.sum.get().copied().unwrap_or_default();
        out.emit((*key, sum, so_far.count.get().copied().unwrap_or_default()));
        Ok(())
    }
}

fn case_of(seed: u64) -> impl ValueTree<Value = Case> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let case = (recipe(), input(), input(), proptest::bool::ANY, proptest::bool::ANY);
    case.new_tree(&mut runner).expect("the strategies reject nothing")
}

fn run((recipe, left, right, stateful, passes): Case, seed: u64) -> Result<Vec<Outcome>, String> {
    let simulation = simulate(move |pipeline, world| {
        let left: PCollection<Pair> = pipeline.read("left", world.source(left.source()));
        let right: PCollection<Pair> = pipeline.read("right", world.source(right.source()));
        recipe.build(left.clone(), right.clone()).write("output", world.sink("output"));
        if passes {
            right.write("right again", world.sink("right"));
        }
        if stateful {
            let windows = Fixed::of(milliseconds(17));
            left.window(windows).par_do_stateful("sum at the end", SumAtTheEnd).write("sums", world.sink("sums"));
        }
    });
    simulation.seeds(seed..seed + 1).run()
}

#[test]
fn whatever_is_built() {
    let mut outcomes = Vec::new();
    for seed in seeds(150) {
        let mut tree = case_of(seed);
        let mut report = match run(tree.current(), seed) {
            Ok(outcome) => {
                outcomes.extend(outcome);
                continue;
            }
            Err(report) => report,
        };
        let mut least = tree.current();
        let mut goes_on = tree.simplify();
        for _ in 0..SHRINKS {
            if !goes_on {
                break;
            }
            goes_on = match run(tree.current(), seed) {
                Ok(_) => tree.complicate(),
                Err(still) => {
                    (least, report) = (tree.current(), still);
                    tree.simplify()
                }
            };
        }
        panic!(
            "{report}\nto run it again: PURLIN_FIRST_SEED={seed} PURLIN_SEEDS=1\nthe smallest pipeline that fails: {least:#?}"
        );
    }
    tell(&outcomes);
}
