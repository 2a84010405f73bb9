//! Stateful transforms: every kind of cell and timer, on random scripts of elements that say what is done to the state.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use purlin_model::bundle::{AnyBundle, Bundle, ElementSides};
use purlin_model::combine::Sum;
use purlin_model::graph::Op;
use purlin_model::state::{
    Bag, Combining, EventTime, EventTimer, EventTimerFamily, Expires, MapCell, MultimapCell, OrderedList, OutputTime,
    ProcessingTimer, ProcessingTimerFamily, SetCell, State, Value, WindowExpiration,
};
use purlin_model::window::{Fixed, Global, WindowFn, Windowing};
use purlin_model::{
    BoxError, Dropped, Output, PCollection, Pipeline, StateContext, StatefulDoFn, TimerContext, Timestamp, milliseconds,
};
use serde::{Deserialize, Serialize};

use super::fleet::Fleet;
use super::{Cut, cuts, place};
use crate::core::Now;
use crate::plan::KeyedWork;

/// What is done to the state of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Deed {
    Set(u8),
    Collect(u8),
    Uncollect,
    Map(u8, u8),
    Unmap(u8),
    Mark(u8),
    Unmark(u8),
    Many(u8, u8),
    Unmany(u8),
    List(u8),
    Unlist(u8),
    Add(u8),
    Forget,
    /// So much later, by event time.
    Timer(u8),
    /// The same, holding where it stands or nothing.
    Quiet(u8),
    Untimer,
    Wake(u8),
    /// The member, then how much later.
    Member(u8, u8),
    Unmember(u8),
    Call(u8, u8),
    Uncall(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let few = || 0..4_u8;
    let span = || 0..25_u8;
    prop_oneof![
        few().prop_map(Deed::Set),
        few().prop_map(Deed::Collect),
        Just(Deed::Uncollect),
        (few(), few()).prop_map(|(key, value)| Deed::Map(key, value)),
        few().prop_map(Deed::Unmap),
        few().prop_map(Deed::Mark),
        few().prop_map(Deed::Unmark),
        (few(), few()).prop_map(|(key, value)| Deed::Many(key, value)),
        few().prop_map(Deed::Unmany),
        few().prop_map(Deed::List),
        few().prop_map(Deed::Unlist),
        few().prop_map(Deed::Add),
        Just(Deed::Forget),
        span().prop_map(Deed::Timer),
        span().prop_map(Deed::Quiet),
        Just(Deed::Untimer),
        span().prop_map(Deed::Wake),
        (few(), span()).prop_map(|(member, after)| Deed::Member(member, after)),
        few().prop_map(Deed::Unmember),
        (few(), span()).prop_map(|(member, after)| Deed::Call(member, after)),
        few().prop_map(Deed::Uncall),
    ]
}

/// Cells of every kind.
#[derive(State)]
#[state(crate = "purlin_model")]
struct Cells {
    value: Value<u8>,
    bag: Bag<u8>,
    timer: EventTimer,
    map: MapCell<u8, u8>,
    set: SetCell<u8>,
    multimap: MultimapCell<u8, u8>,
    members: EventTimerFamily<u8>,
    list: OrderedList<u8>,
    sum: Combining<Sum, i64>,
    wake: ProcessingTimer,
    calls: ProcessingTimerFamily<String>,
    brief: Value<u8, Expires<EventTime, 12>>,
    brief_map: MapCell<u8, u8, Expires<EventTime, 7>>,
}

impl Cells {
    fn obey(&mut self, deed: &Deed, at: Timestamp) {
        let after = |span: u8| milliseconds(u64::from(span));
        match *deed {
            Deed::Set(value) => {
                self.value.set(value);
                self.brief.set(value);
            }
            Deed::Collect(value) => self.bag.add(value),
            Deed::Uncollect => self.bag.clear(),
            Deed::Map(key, value) => {
                self.map.insert(key, value);
                self.brief_map.insert(key, value);
            }
            Deed::Unmap(key) => drop(self.map.remove(&key)),
            Deed::Mark(key) => drop(self.set.insert(key)),
            Deed::Unmark(key) => drop(self.set.remove(&key)),
            Deed::Many(key, value) => self.multimap.add(key, value),
            Deed::Unmany(key) => drop(self.multimap.remove(&key)),
            Deed::List(value) => self.list.add(at, value),
            Deed::Unlist(span) => self.list.clear_range(..at.saturating_add_millis(-i64::from(span))),
            Deed::Add(value) => self.sum.add(i64::from(value)),
            Deed::Forget => {
                self.value.clear();
                self.bag.clear();
                self.map.clear();
                self.set.clear();
                self.multimap.clear();
                self.list.clear();
                self.sum.clear();
                self.brief.clear();
                self.brief_map.clear();
            }
            Deed::Timer(span) => self.timer.set_relative(after(span)),
            Deed::Quiet(span) => self.timer.set_relative_with_output(after(span), OutputTime::NotHeld),
            Deed::Untimer => self.timer.clear(),
            Deed::Wake(span) => self.wake.set_relative(after(span)),
            Deed::Member(member, span) => self.members.set_relative(member, after(span)),
            Deed::Unmember(member) => self.members.clear(member),
            Deed::Call(member, span) => self.calls.set_relative(format!("call {member}"), after(span)),
            Deed::Uncall(member) => self.calls.clear(format!("call {member}")),
        }
    }

    /// All that is to be seen of them.
    fn seen(&self) -> String {
        let sorted = |mut all: Vec<String>| {
            all.sort_unstable();
            all.join(" ")
        };
        let Cells { value, bag, map, set, multimap, list, sum, brief, brief_map, .. } = self;
        format!(
            "{:?} {:?} map {} set {} multimap {} list {:?} sum {} brief {:?} {} timers {} {} {:?} {:?}",
            value.get(),
            bag.iter().collect::<Vec<_>>(),
            sorted(map.iter().map(|entry| format!("{entry:?}")).collect()),
            sorted(set.iter().map(|entry| format!("{entry:?}")).collect()),
            sorted(multimap.iter().map(|entry| format!("{entry:?}")).collect()),
            list.iter().collect::<Vec<_>>(),
            sum.get(),
            brief.get(),
            sorted(brief_map.iter().map(|entry| format!("{entry:?}")).collect()),
            self.timer.is_set(),
            self.wake.is_set(),
            [0, 1, 2, 3].map(|member| self.members.is_set(&member)),
            [0, 1, 2, 3].map(|member| self.calls.is_set(&format!("call {member}"))),
        )
    }
}

/// The same, told of the end of its windows.
#[derive(State)]
#[state(crate = "purlin_model")]
struct Ending {
    first: Value<u8>,
    end: WindowExpiration,
    second: Bag<u8>,
    timer: EventTimer,
}

/// Obeys and tells.
#[derive(Clone)]
struct Obedient<const SORTED: bool>;

impl<const SORTED: bool> StatefulDoFn<u8, Deed> for Obedient<SORTED> {
    type State = Cells;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = SORTED;

    fn process(
        &mut self,
        key: &u8,
        deed: Deed,
        cells: &mut Cells,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        cells.obey(&deed, cx.timestamp());
        out.emit(format!("{key:3} {deed:?}: {}", cells.seen()));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let fired =
            (cells.timer.fired(), cells.wake.fired(), cells.members.fired().copied(), cells.calls.fired().cloned());
        out.emit(format!("{key:3} fired {fired:?} set for {}: {}", cx.firing_time(), cells.seen()));
        // Timers set timers.
        match fired {
            (_, _, Some(0), _) => cells.members.set_relative(1, Duration::from_millis(3)),
            (_, _, _, Some(call)) if call == "call 0" => cells.timer.set_relative(Duration::from_millis(2)),
            _ => cells.bag.add(9),
        }
        Ok(())
    }
}

/// Collects until the end.
#[derive(Clone)]
struct AtEnd;

impl StatefulDoFn<u8, Deed> for AtEnd {
    type State = Ending;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        deed: Deed,
        state: &mut Ending,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        match deed {
            Deed::Set(value) => state.first.set(value),
            Deed::Collect(value) => state.second.add(value),
            Deed::Uncollect | Deed::Forget => drop((state.first.take(), state.second.take())),
            Deed::Timer(span) => state.timer.set_relative(milliseconds(u64::from(span))),
            _ => {}
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        state: &mut Ending,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        state.second.add(7);
        out.emit(format!("{key:3} at {}", cx.firing_time()));
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        state: &mut Ending,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("{key:3} ends with {:?} {:?}", state.first.get(), state.second.take()));
        Ok(())
    }
}

/// Work in parts, each some time after the one before; its input is not past it before it is done.
#[derive(Clone)]
struct InParts;

impl StatefulDoFn<u8, Deed> for InParts {
    type State = (Value<Vec<(u8, Timestamp)>>, ProcessingTimer);
    type Out = Output<String>;
    const HOLDS_INPUT: bool = true;

    fn process(
        &mut self,
        _: &u8,
        deed: Deed,
        (left, next): &mut Self::State,
        cx: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        if let Deed::Wake(parts) = deed {
            left.get_or_insert_with(Vec::new).push((parts, cx.timestamp()));
            next.set_relative_with_output(milliseconds(2), OutputTime::At(cx.timestamp()));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        (left, next): &mut Self::State,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let mut parts = left.take().unwrap_or_default();
        parts.iter_mut().for_each(|(parts, _)| *parts = parts.saturating_sub(1));
        out.emit(format!("{key:3} {parts:?}"));
        parts.retain(|(parts, _)| *parts > 0);
        if let Some(least) = parts.iter().map(|(_, at)| *at).min() {
            next.set_relative_with_output(milliseconds(2), OutputTime::At(least.max(cx.timestamp())));
            left.set(parts);
        }
        Ok(())
    }
}

/// What happens to the transform.
#[derive(Clone, Debug)]
enum Step {
    /// Key, how far after the watermark, deed.
    Input(Vec<(u8, i64, Deed)>),
    Watermark(i64),
    Time(i64),
    End,
}

const LATENESS_MS: i64 = 6;

fn script() -> impl Strategy<Value = Vec<Step>> {
    // What comes earlier may find what has outlived its time to live, or not.
    let element = (0..6_u8, -LATENESS_MS..20, deed());
    let step = prop_oneof![
        6 => prop::collection::vec(element, 1..8).prop_map(Step::Input),
        3 => (0..15_i64).prop_map(Step::Watermark),
        2 => (1..12_i64).prop_map(Step::Time),
    ];
    prop::collection::vec(step, 1..40).prop_map(|mut steps| {
        steps.push(Step::End);
        steps
    })
}

/// The work by key of a transform of deeds.
fn work<D: StatefulDoFn<u8, Deed, Out = Output<String>>>(do_fn: D) -> KeyedWork {
    let pipeline = Pipeline::new();
    let deeds: PCollection<(u8, Deed)> = pipeline.create("deeds", []);
    drop(deeds.par_do_stateful_with_dropped("obey", do_fn));
    let graph = pipeline.graph().expect("a sound graph");
    let node = graph.nodes.iter().find(|node| node.name == "obey").expect("it is there");
    let Op::Stateful(kernel) = &node.op else { panic!("it has state") };
    KeyedWork::Stateful { kernel: kernel.clone(), input: graph.collection(node.inputs[0]).coder.clone() }
}

fn check<D: StatefulDoFn<u8, Deed, Out = Output<String>>>(
    do_fn: D,
    windowing: &Windowing,
    script: &[Step],
    cuts: &[Cut],
) -> Result<(), TestCaseError> {
    let fleet = || {
        let outs: Vec<Box<dyn AnyBundle>> =
            vec![Box::new(Bundle::<String>::new()), Box::new(Bundle::<Dropped<(u8, Deed)>>::new())];
        Fleet::new(work(do_fn.clone()), windowing, HashMap::new(), outs)
    };
    let (mut whole, mut cut) = (fleet(), fleet().tracked(1));
    let (mut watermark, mut now_ms) = (0, 0);
    for (number, step) in script.iter().enumerate() {
        match step {
            Step::Watermark(by) => watermark += by,
            Step::Time(by) => now_ms += by,
            _ => {}
        }
        let play = |fleet: &mut Fleet| {
            let mut outs = match step {
                Step::Input(elements) => {
                    let mut bundle = Bundle::new();
                    for (key, after, deed) in elements {
                        let at = Timestamp::from_millis(watermark + after);
                        let windows = windowing.function.assign(at);
                        bundle.push((*key, deed.clone()), ElementSides { windows, ..ElementSides::at(at) });
                    }
                    fleet.process(Box::new(bundle))
                }
                Step::Watermark(_) => fleet.advance(Timestamp::from_millis(watermark)),
                Step::Time(_) => fleet.pass(Now::local(now_ms)),
                Step::End => fleet.advance(Timestamp::MAX),
            };
            let told = outs[0].downcast::<String>().drain();
            let mut lines: Vec<String> = told.map(|(line, sides)| format!("{line} {}", place(sides))).collect();
            let dropped = outs[1].downcast::<Dropped<(u8, Deed)>>().drain();
            lines.extend(dropped.map(|(one, sides)| format!("{:3} dropped {:?} {}", one.element.0, one, place(sides))));
            // Each key's in their order.
            lines.sort_by(|a, b| a[..3].cmp(&b[..3]));
            (lines, fleet.output_watermark())
        };
        let (expected, given) = (play(&mut whole), play(&mut cut));
        prop_assert_eq!(given, expected, "interrupted on the left: step {} {:?}", number, step);
        match cuts[number % cuts.len()] {
            Cut::Nothing => {}
            Cut::Snapshot => drop(cut.snapshot()),
            Cut::Replace(shards) => cut.replace(shards),
        }
    }
    prop_assert!(cut.is_empty() && whole.is_empty());
    cut.snapshot();
    prop_assert_eq!(cut.entries(), 0, "what is gone is gone from the snapshots too");
    Ok(())
}

fn windowing() -> impl Strategy<Value = Windowing> {
    let function = prop_oneof![
        2 => (15..60_u64).prop_map(|size| std::sync::Arc::new(Fixed::of(milliseconds(size))) as std::sync::Arc<dyn WindowFn>),
        1 => Just(std::sync::Arc::new(Global) as std::sync::Arc<dyn WindowFn>),
    ];
    function.prop_map(|function| Windowing { function, allowed_lateness_ms: Some(LATENESS_MS), ..Windowing::default() })
}

/// A timer that stands at an old time finds what was written then as long as it has not been looked for and freed; when that is, does not
/// depend on interruptions.
#[test]
fn what_has_outlived_its_time() {
    let windowing = Windowing {
        function: std::sync::Arc::new(Global),
        allowed_lateness_ms: Some(LATENESS_MS),
        ..Windowing::default()
    };
    let write = || Step::Input(vec![(0, 0, Deed::Map(0, 0)), (0, 0, Deed::Call(1, 5))]);
    // The map's entries live for 7 ms, and are looked for every 3 ms.
    let kept = [write(), Step::Watermark(12), Step::Watermark(2), Step::Time(9), Step::End];
    check(Obedient::<false>, &windowing, &kept, &[Cut::Nothing, Cut::Replace(2)]).expect("it is still found");
    let freed = [write(), Step::Watermark(12), Step::Watermark(20), Step::Time(9), Step::End];
    check(Obedient::<false>, &windowing, &freed, &[Cut::Snapshot, Cut::Nothing, Cut::Replace(2)]).expect("it is gone");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_and_timers(windowing in windowing(), script in script(), cuts in cuts()) {
        check(Obedient::<false>, &windowing, &script, &cuts)?;
    }

    #[test]
    fn sorted_input(windowing in windowing(), script in script(), cuts in cuts()) {
        check(Obedient::<true>, &windowing, &script, &cuts)?;
    }

    /// How far each shard is depends on what it works on, so their number stays.
    #[test]
    fn work_in_parts(windowing in windowing(), script in script(), cuts in cuts()) {
        let one = |cut: &Cut| if let Cut::Replace(_) = cut { Cut::Replace(1) } else { *cut };
        let cuts: Vec<Cut> = cuts.iter().map(one).collect();
        // Work goes on behind the end of the input.
        let script: Vec<Step> = script.into_iter().chain((0..30).flat_map(|_| [Step::Time(10), Step::End])).collect();
        check(InParts, &windowing, &script, &cuts)?;
    }

    #[test]
    fn ends_of_windows(windowing in windowing(), script in script(), cuts in cuts()) {
        check(AtEnd, &windowing, &script, &cuts)?;
    }
}
