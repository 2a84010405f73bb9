//! A pipeline that has changed since its snapshot: what can be taken over is, by name; what cannot is refused, and says why.

use std::collections::HashMap;
use std::slice::from_ref;
use std::sync::Arc;

use purlin_model::bundle::{AnyBundle, Bundle};
use purlin_model::combine::{Max, Sum};
use purlin_model::graph::Op;
use purlin_model::kernel::{Form, Grouping, GroupingKernel};
use purlin_model::state::{
    Bag, Combining, EventTimer, EventTimerFamily, ProcessingTimer, State, Value, WindowExpiration,
};
use purlin_model::window::{Accumulation, Sessions, Windowing};
use purlin_model::{
    BoxError, Key, Output, PCollection, Pipeline, StateContext, StatefulDoFn, TimerContext, Timestamp, Trigger,
    milliseconds,
};

use super::fleet::Fleet;
use crate::core::KeyedMachine;
use crate::plan::KeyedWork;

/// The work of a stateful transform of pairs.
fn stateful<K: Key, D: StatefulDoFn<K, i64, Out = Output<String>>>(do_fn: D) -> (KeyedWork, Windowing) {
    let pipeline = Pipeline::new();
    let pairs: PCollection<(K, i64)> = pipeline.create("pairs", []);
    drop(pairs.par_do_stateful("remember", do_fn));
    let graph = pipeline.graph().expect("a sound graph");
    let Op::Stateful(kernel) = &graph.nodes[1].op else { panic!("it has state") };
    let input = graph.collections[0].coder.clone();
    (KeyedWork::Stateful { kernel: kernel.clone(), input }, Windowing::default())
}

fn fleet((work, windowing): (KeyedWork, Windowing)) -> Fleet {
    let outs: Vec<Box<dyn AnyBundle>> = vec![Box::new(Bundle::<String>::new())];
    Fleet::new(work, &windowing, HashMap::new(), outs).tracked(2)
}

fn bundle(values: impl IntoIterator<Item = (u8, i64)>) -> Box<dyn AnyBundle> {
    Box::new(Bundle::of(values.into_iter().collect()))
}

fn told(outs: Vec<Box<dyn AnyBundle>>) -> Vec<String> {
    let mut outs = outs;
    let mut lines: Vec<String> = outs[0].downcast::<String>().drain().map(|(line, _)| line).collect();
    lines.sort_unstable();
    lines
}

/// Versions of a state that have `last`, `all` and `timer`, and tell of them.
macro_rules! version {
    ($name:ident, $cells:ident { $($field:ident: $ty:ty),* }) => {
        #[derive(State)]
        #[state(crate = "purlin_model")]
        struct $cells { $($field: $ty),* }

        #[derive(Clone)]
        struct $name;

        impl StatefulDoFn<u8, i64> for $name {
            type State = $cells;
            type Out = Output<String>;

            fn process(
                &mut self, key: &u8, value: i64, cells: &mut $cells, _: &StateContext, out: &mut Output<String>,
            ) -> Result<(), BoxError> {
                let all: Vec<_> = cells.all.iter().collect();
                out.emit(format!("{key}: {:?} {all:?}", cells.last.get()));
                cells.last.set(value);
                cells.all.add(value);
                cells.timer.set(Timestamp::from_millis(value));
                Ok(())
            }

            fn on_timer(
                &mut self, key: &u8, _: &mut $cells, cx: &TimerContext, out: &mut Output<String>,
            ) -> Result<(), BoxError> {
                out.emit(format!("{key} fires at {}", cx.firing_time().millis()));
                Ok(())
            }

            fn on_window_expiration(
                &mut self, _: &u8, _: &mut $cells, _: &TimerContext, _: &mut Output<String>,
            ) -> Result<(), BoxError> {
                Ok(())
            }
        }
    };
}

version!(First, FirstCells { last: Value<i64>, all: Bag<i64>, timer: EventTimer });
version!(Other, OtherCells {
    more: Combining<Sum, i64>, timer: EventTimer, all: Bag<i64>, wake: ProcessingTimer, end: WindowExpiration, last: Value<i64>
});

#[test]
fn cells_are_found_by_name_and_new_ones_begin_empty() {
    let mut fleet = fleet(stateful(First));
    fleet.process(bundle([(1, 10), (2, 20)]));
    fleet.snapshot();
    fleet.process(bundle([(2, 21)]));
    fleet.succeed(stateful(Other), 3).expect("it has what there was, and more");
    // Nothing is lost with what is written in the other order.
    fleet.replace(1);
    let outs = fleet.process(bundle([(1, 30), (2, 30), (3, 40)]));
    assert_eq!(told(outs), ["1: Some(10) [10]", "2: Some(21) [20, 21]", "3: None []"]);
    fleet.replace(4);
    let outs = fleet.advance(Timestamp::from_millis(35));
    assert_eq!(told(outs), ["1 fires at 30", "2 fires at 30"]);
    let outs = fleet.process(bundle([(1, 50)]));
    assert_eq!(told(outs), ["1: Some(30) [10, 30]"]);
}

#[test]
fn what_was_renumbered_and_freed_is_deleted() {
    let mut fleet = fleet(stateful(First));
    fleet.process(bundle([(1, 10), (2, 20)]));
    fleet.succeed(stateful(Other), 2).expect("it has what there was, and more");
    fleet.advance(Timestamp::MAX);
    fleet.snapshot();
    assert_eq!(fleet.entries(), 0);
}

/// Why a snapshot of `First` cannot be taken over.
#[track_caller]
fn refused(by: (KeyedWork, Windowing), words: &[&str]) {
    let mut fleet = fleet(stateful(First));
    fleet.process(bundle([(1, 10)]));
    let refusal = fleet.succeed(by, 2).expect_err("it is refused").to_string();
    words.iter().for_each(|word| assert!(refusal.contains(word), "{word} in: {refusal}"));
}

version!(Retyped, RetypedCells { last: Value<i64>, all: Bag<i64>, timer: ProcessingTimer });
version!(Stamped, StampedCells {
    last: Value<i64, purlin_model::state::Expires<purlin_model::state::EventTime, 5>>, all: Bag<i64>, timer: EventTimer
});

#[derive(Clone)]
struct Poorer;

impl StatefulDoFn<u8, i64> for Poorer {
    type State = (Value<i64>, EventTimer);
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        _: i64,
        _: &mut Self::State,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[derive(Clone)]
struct Tagged<T>(std::marker::PhantomData<T>);

impl<T: Key> StatefulDoFn<u8, i64> for Tagged<T> {
    type State = EventTimerFamily<T>;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        _: i64,
        _: &mut Self::State,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[derive(Clone)]
struct OtherKey;

impl StatefulDoFn<String, i64> for OtherKey {
    type State = FirstCells;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &String,
        _: i64,
        _: &mut FirstCells,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[test]
fn retyped_and_missing_state_is_refused_by_name() {
    refused(stateful(Retyped), &["state `timer`", "`EventTimer` in the snapshot", "`ProcessingTimer` now"]);
    refused(stateful(Stamped), &["state `last`", "`Value<i64>` in the snapshot", "stamped"]);
    refused(stateful(Poorer), &["state `last`", "`Value<i64>`", "not declared any more"]);
    refused(stateful(OtherKey), &["state `(key)`", "`u8` in the snapshot", "String` now"]);
    refused(grouped(GroupingKernel::<u8, i64, Sum>::combining(Sum), windowing(None)), &["state `last`"]);

    let tagged = || fleet(stateful(Tagged::<u8>(Default::default())));
    let refusal =
        tagged().succeed(stateful(Tagged::<u16>(Default::default())), 1).expect_err("another tag").to_string();
    assert!(refusal.contains("`EventTimerFamily<u8>` in the snapshot and `EventTimerFamily<u16>` now"), "{refusal}");
}

fn grouped(kernel: impl Grouping + 'static, windowing: Windowing) -> (KeyedWork, Windowing) {
    (KeyedWork::Group { form: Form::Raw, kernel: Arc::new(kernel), late_output: false }, windowing)
}

fn windowing(trigger: Option<Trigger>) -> Windowing {
    let trigger = trigger.unwrap_or(Trigger::Default);
    Windowing { trigger, mode: Some(Accumulation::Discarding), ..Windowing::default() }
}

#[test]
fn a_grouping_of_another_kind_is_refused() {
    let sum = || GroupingKernel::<u8, i64, Sum>::combining(Sum);
    let max = GroupingKernel::<u8, i64, Max>::combining(Max);
    let count = |count| windowing(Some(Trigger::after_count(count).repeatedly()));
    let sessions = Windowing { function: Arc::new(Sessions::of(milliseconds(5))), ..count(2) };
    for (old, new, words) in [
        (grouped(sum(), windowing(None)), grouped(max, windowing(None)), "state `(values)`"),
        (grouped(sum(), windowing(None)), grouped(sum(), count(2)), "`emitted once, whole` in the snapshot"),
        (grouped(sum(), count(2)), grouped(sum(), count(3)), "state `(windows)`"),
        (grouped(sum(), count(2)), grouped(sum(), sessions), "merging` now"),
    ] {
        let (work, windowing) = old;
        let panes: Vec<Box<dyn AnyBundle>> = vec![Box::new(Bundle::<(u8, i64)>::new())];
        let mut fleet = Fleet::new(work, &windowing, HashMap::new(), panes).tracked(2);
        fleet.process(bundle([(1, 10)]));
        let refusal = fleet.succeed(new, 2).expect_err(words).to_string();
        assert!(refusal.contains(words), "{words} in: {refusal}");
    }
}

#[test]
fn a_snapshot_of_another_format_is_refused() {
    let mut fleet = fleet(stateful(First));
    let mut old = fleet.snapshot();
    old[1].format += 1;
    let (work, windowing) = stateful(First);
    let machine = crate::core::KeyedMachine::new(&work, &windowing, HashMap::new(), (0, 1));
    let refusal = machine.expect("it is set up").restore(Vec::new(), &old, &[]).expect_err("it is refused").to_string();
    assert!(refusal.contains("format 2") && refusal.contains("format 1"), "{refusal}");
}

/// Such names come out of damaged bytes.
#[test]
fn a_snapshot_that_does_not_name_the_key_first_and_once_is_refused() {
    let (work, windowing) = stateful(First);
    let types = work.state_types(&windowing);
    let (key, cells) = types.split_first().expect("there is a key");
    for names in [cells.to_vec(), [cells, from_ref(key)].concat(), [types.as_slice(), from_ref(key)].concat()] {
        let mut machine = KeyedMachine::new(&work, &windowing, HashMap::new(), (0, 1)).expect("it is set up");
        let refusal = machine.restore(Vec::new(), &[], &names).expect_err("it is refused").to_string();
        assert!(refusal.contains("the type of the key"), "{refusal}");
    }
}
