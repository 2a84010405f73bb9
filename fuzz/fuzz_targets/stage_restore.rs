//! A stage in whose steps elements wait takes over anything, and goes on.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::machines::{plan, views};
use purlin_fuzz::parts::{next, next_byte};
use purlin_model::bundle::AnyBundle;
use purlin_model::coder::{Coder, Postcard};
use purlin_model::{Failure, Timestamp};
use purlin_runners::core::{Exits, StageRun, StageSnapshot};
use purlin_runners::plan::{Plan, Stage};

static PLAN: LazyLock<Plan> = LazyLock::new(plan);

struct Gone;

impl Exits for Gone {
    fn emit(&mut self, _: usize, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        bundle.clear();
        Ok(())
    }
}

fuzz_target!(|input: &[u8]| {
    let stage: &Arc<Stage> = PLAN.stages.iter().find(|stage| !stage.views().is_empty()).expect("one looks views up");
    let mut rest = input;
    let workers = usize::from(next_byte(&mut rest) % 3) + 1;
    let snapshots = [next(&mut rest), rest];
    let old: Vec<StageSnapshot> =
        snapshots.into_iter().filter_map(|mut bytes| Postcard.decode(&mut bytes).ok()).collect();
    let mut run = StageRun::new(stage.clone(), views(&PLAN)).expect("it is set up");
    if StageSnapshot::check(&old, &PLAN).is_err() || run.restore(&old, workers - 1, workers).is_err() {
        return;
    }
    run.snapshot().expect("what was taken over can be written");
    for view in views(&PLAN).into_keys() {
        run.update_view(view, |view| view.advance(Timestamp::MAX), &mut Gone).expect("it goes on");
    }
    run.forget_views_before(Timestamp::from_millis(50), 0);
    run.snapshot().expect("it can be written");
});
