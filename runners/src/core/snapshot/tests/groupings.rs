//! Groupings, under both machines.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use purlin_model::bundle::{AnyBundle, Bundle, ElementSides};
use purlin_model::combine::{CombineFn, Sum, ToVec};
use purlin_model::kernel::{Form, Grouping, GroupingKernel, SideInputs};
use purlin_model::window::{TimestampCombiner, Windowing};
use purlin_model::{Dropped, Timestamp, Trigger};

use super::fleet::Fleet;
use super::{Cut, cuts, place};
use crate::agreement::script::{Draw, Script, Step};
use crate::agreement::windowing;
use crate::core::Now;
use crate::plan::KeyedWork;

/// Each key of a script stands for so many.
const KEYS: u8 = 5;

/// A grouping of random elements, and how its panes are told.
struct Grouped {
    kernel: Arc<dyn Grouping>,
    form: Form,
    tell: fn(&mut dyn AnyBundle) -> Vec<String>,
    new_panes: fn() -> Box<dyn AnyBundle>,
}

fn collecting() -> Grouped {
    grouped(GroupingKernel::<u8, i64, ToVec>::collecting(ToVec), Form::Raw)
}

fn summing(form: Form) -> Grouped {
    grouped(GroupingKernel::<u8, i64, Sum>::combining(Sum), form)
}

fn grouped<C: CombineFn<i64, Output: std::fmt::Debug>>(kernel: GroupingKernel<u8, i64, C>, form: Form) -> Grouped {
    Grouped {
        kernel: Arc::new(kernel),
        form,
        tell: |panes| {
            let panes = panes.downcast::<(u8, C::Output)>().drain();
            panes.map(|((key, value), sides)| format!("pane of {key}: {value:?} {}", place(sides))).collect()
        },
        new_panes: || Box::new(Bundle::<(u8, C::Output)>::new()),
    }
}

impl Grouped {
    fn fleet(&self, windowing: &Windowing) -> Fleet {
        let late_output = self.form == Form::Raw;
        let work = KeyedWork::Group { form: self.form, kernel: self.kernel.clone(), late_output };
        let mut outs = vec![(self.new_panes)()];
        if late_output {
            outs.push(self.kernel.new_dropped());
        }
        Fleet::new(work, windowing, HashMap::new(), outs)
    }

    /// What a step gives, sorted, and where the output has come to.
    fn step(&self, fleet: &mut Fleet, step: &Step, windowing: &Windowing, next: &mut i64) -> (Vec<String>, Timestamp) {
        let mut outs = match step {
            Step::Input(elements) => fleet.process(self.bundle(elements, windowing, next)),
            Step::Watermark(to) => fleet.advance(*to),
            Step::Time { now_ms, synchronized_ms } => {
                fleet.pass(Now { local_ms: *now_ms, synchronized_ms: *synchronized_ms })
            }
        };
        let mut lines = (self.tell)(&mut *outs[0]);
        if let Some(dropped) = outs.get_mut(1) {
            let dropped = dropped.downcast::<Dropped<(u8, i64)>>().drain();
            lines.extend(dropped.map(|(one, sides)| format!("{:?} {:?} {}", one.cause, one.element, place(sides))));
        }
        lines.sort_unstable();
        (lines, fleet.output_watermark())
    }

    fn bundle(&self, elements: &[(u8, i64)], windowing: &Windowing, next: &mut i64) -> Box<dyn AnyBundle> {
        let mut bundle: Box<dyn AnyBundle> = Box::new(Bundle::<(u8, i64)>::new());
        for (key, at) in elements {
            let at = Timestamp::from_millis(*at);
            let sides = ElementSides { windows: windowing.function.assign(at), ..ElementSides::at(at) };
            for copy in 0..KEYS {
                bundle.downcast().push((key * KEYS + copy, *next), sides);
            }
            *next += 1;
        }
        if self.form == Form::Raw {
            return bundle;
        }
        let mut lifted = [self.kernel.lifted_coder().new_bundle()];
        self.kernel.lifter().process(&mut *bundle, &SideInputs::default(), &mut lifted).expect("it is combined");
        let [lifted] = lifted;
        lifted
    }

    /// What an uninterrupted shard gives is what interrupted ones give, step by step.
    fn check(&self, windowing: &Windowing, script: &Script, cuts: &[Cut]) -> Result<(), TestCaseError> {
        let (mut whole, mut cut) = (self.fleet(windowing), self.fleet(windowing).tracked(1));
        let (mut next_whole, mut next_cut) = (0, 0);
        for (number, step) in script.steps.iter().enumerate() {
            let expected = self.step(&mut whole, step, windowing, &mut next_whole);
            let given = self.step(&mut cut, step, windowing, &mut next_cut);
            prop_assert_eq!(given, expected, "interrupted on the left: step {} {:?} of\n{:?}", number, step, script);
            match cuts[number % cuts.len()] {
                Cut::Nothing => {}
                Cut::Snapshot => drop(cut.snapshot()),
                Cut::Replace(shards) => cut.replace(shards),
            }
        }
        prop_assert_eq!(cut.is_empty(), whole.is_empty());
        if whole.is_empty() {
            cut.snapshot();
            prop_assert_eq!(cut.entries(), 0, "what is gone is gone from the snapshots too");
        }
        Ok(())
    }
}

/// The one result of a global combine whose input has no element comes once, whoever was interrupted when.
#[test]
fn the_result_of_an_empty_input() {
    for triggered in [false, true] {
        let trigger = if triggered { Trigger::after_count(9).repeatedly() } else { Trigger::Default };
        let windowing = Windowing { trigger, ..Windowing::default() };
        let kernel = GroupingKernel::<u8, i64, Sum>::combining(Sum).with_result_if_empty(3);
        let summing = grouped(kernel, Form::Raw);
        let fleet = || summing.fleet(&windowing).tracked(2);
        let end = |fleet: &mut Fleet| {
            let mut outs = fleet.advance(Timestamp::MAX);
            outs[0].downcast::<(u8, i64)>().drain().map(|(pane, _)| pane).collect::<Vec<_>>()
        };
        for shards in 1..5 {
            let mut empty = fleet();
            empty.replace(shards);
            assert_eq!(end(&mut empty), [(3, 0)]);
            empty.replace(5 - shards);
            assert_eq!(end(&mut empty), []);

            let mut filled = fleet();
            filled.process(Box::new(Bundle::of(vec![(3_u8, 5_i64)])));
            filled.replace(shards);
            assert_eq!(end(&mut filled), [(3, 5)]);
        }
    }
}

/// Windows that are emitted once, whole.
fn whole(windowing: Windowing) -> Windowing {
    Windowing {
        trigger: Trigger::Default,
        allowed_lateness_ms: None,
        timestamp_combiner: TimestampCombiner::EndOfWindow,
        already_merged: true,
        ..windowing
    }
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec(Draw::any(), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_windowing(windowing in windowing::any(), draws in draws(), cuts in cuts(), sums in any::<bool>()) {
        let script = Script::of(&windowing, draws);
        let grouped = if sums { summing(Form::Raw) } else { collecting() };
        grouped.check(&windowing, &script, &cuts)?;
    }

    #[test]
    fn whole_windows(windowing in windowing::any(), draws in draws(), cuts in cuts(), kind in 0..3_u8) {
        let windowing = whole(windowing);
        prop_assert!(windowing.fires_once_at_the_end());
        let script = Script::of(&windowing, draws);
        let grouped = match kind {
            0 => collecting(),
            1 => summing(Form::Raw),
            _ => summing(Form::Lifted),
        };
        grouped.check(&windowing, &script, &cuts)?;
    }
}
