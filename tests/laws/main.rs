//! Laws 2 and 3 of SEMANTICS §12: whatever the trigger, what all panes of a window amount to is what batch makes of it.
//!
//! Accumulating, the last pane of each key and window holds all that batch's holds; discarding, all panes together do. Of windows that
//! merge, the panes whose windows lie within batch's. So also with late data that is within the allowed lateness, and beyond that what is missing
//! is what the dropped elements say. Random triggers and windows, with and without a stateful transform in front, on every runner.

mod input;
mod pipeline;

use proptest::prelude::*;
use purlin_tests::{Runner, random_cases};

use input::{Arrivals, arrivals};
use pipeline::{Recipe, recipe};

const SCRIPTED: [Runner; 4] = [Runner::Reference, Runner::Batch(3), Runner::Stream(1), Runner::Stream(4)];

proptest! {
    #![proptest_config(random_cases(250))]

    #[test]
    fn panes_amount_to_what_batch_gives(
        recipe in recipe(),
        arrivals in arrivals(),
        splits in 1_usize..4,
        bundle in 1_usize..5,
        workers in 1_usize..9,
    ) {
        let expected = recipe.in_batch(&arrivals);
        let run = recipe.on(Runner::Stream(workers), arrivals.source(splits, bundle));
        prop_assert_eq!(recipe.amount(&run.panes, &expected), expected.clone(), "a stream with {} workers", workers);
        prop_assert!(run.dropped.is_empty(), "nothing was late");
        for runner in [Runner::Reference, Runner::Batch(workers), Runner::Spilling(2)] {
            let run = recipe.on(runner, arrivals.source(splits, bundle));
            prop_assert_eq!(recipe.amount(&run.panes, &expected), expected.clone(), "{:?}", runner);
        }
    }

    #[test]
    fn late_data_within_the_lateness_is_in_some_pane(recipe in recipe(), arrivals in arrivals()) {
        let expected = recipe.in_batch(&arrivals);
        for runner in SCRIPTED {
            let run = recipe.play(runner, arrivals.script(recipe.lateness_ms()));
            prop_assert!(run.dropped.is_empty(), "{:?}: nothing was too late", runner);
            prop_assert_eq!(recipe.amount(&run.panes, &expected), expected.clone(), "{:?}", runner);
        }
    }

    #[test]
    fn what_is_missing_was_dropped(recipe in recipe(), arrivals in arrivals(), beyond_ms in 1_i64..40) {
        // Of merging windows those that are left may be apart that were one.
        let recipe = recipe.without_merging();
        let expected = recipe.in_batch(&arrivals);
        for runner in SCRIPTED {
            let run = recipe.play(runner, arrivals.script(recipe.lateness_ms() + beyond_ms));
            let mut found = recipe.amount(&run.panes, &expected);
            for (place, values) in run.dropped {
                found.entry(place).or_default().extend(values);
            }
            prop_assert_eq!(found, expected.clone(), "{:?}", runner);
        }
    }
}

/// A script that is late by more than is allowed does drop, or the law above would say nothing.
#[test]
fn some_scripts_drop() {
    let arrivals = Arrivals::of(&[(0, 50), (0, 1), (1, 2), (0, 60), (1, 3)]);
    let run = Recipe::plain(10, 0).play(Runner::Reference, arrivals.script(30));
    assert!(!run.dropped.is_empty());
}
