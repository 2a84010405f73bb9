//! Random groupings, and what their panes amount to.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use purlin::prelude::*;
use purlin::source::{Source, TestStream};
use purlin::state::{Bag, EventTimer, OutputTime, Value};
use purlin::window::TimestampCombiner;
use purlin_tests::Runner;

use crate::input::Arrivals;

/// Key and value.
pub(crate) type Pair = (i64, i64);

/// Key, start and end of a window.
pub(crate) type Place = (i64, i64, i64);

/// What is in each window of each key.
pub(crate) type Amount = BTreeMap<Place, BTreeSet<i64>>;

/// A pane: where, its number, its values.
pub(crate) type Pane = (Place, u64, Vec<i64>);

/// What a run gave.
pub(crate) struct Outcome {
    pub(crate) panes: Vec<Pane>,
    pub(crate) dropped: Amount,
}

#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    function: Function,
    trigger: Trigger,
    lateness: u64,
    accumulating: bool,
    timestamps: TimestampCombiner,
    stateful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Fixed(u64),
    Sliding(u64, u64),
    Sessions(u64),
    Global,
}

impl Recipe {
    /// Fixed windows under the default trigger, discarding.
    pub(crate) fn plain(size: u64, lateness: u64) -> Self {
        let (function, trigger, timestamps) = (Function::Fixed(size), Trigger::Default, TimestampCombiner::EndOfWindow);
        Recipe { function, trigger, lateness, accumulating: false, timestamps, stateful: false }
    }

    pub(crate) fn lateness_ms(&self) -> i64 {
        self.lateness as i64
    }

    fn is_merging(&self) -> bool {
        matches!(self.function, Function::Sessions(_))
    }

    /// The same with fixed windows in place of sessions.
    pub(crate) fn without_merging(self) -> Self {
        match self.function {
            Function::Sessions(gap) => Recipe { function: Function::Fixed(gap), ..self },
            _ => self,
        }
    }

    /// What batch makes of the same elements under the default trigger, read off by a loop where that is easy: windows that do not merge.
    pub(crate) fn in_batch(&self, arrivals: &Arrivals) -> Amount {
        let plain = Recipe { trigger: Trigger::Default, accumulating: false, stateful: false, ..self.clone() };
        let pipeline = Pipeline::new();
        let elements = pipeline.create_at("elements", arrivals.elements());
        let run = plain.run(Runner::Batch(1), &pipeline, elements);
        run.panes.into_iter().map(|(place, _, values)| (place, values.into_iter().collect())).collect()
    }

    pub(crate) fn on(&self, runner: Runner, source: impl Source<Item = Pair>) -> Outcome {
        let pipeline = Pipeline::new();
        let elements = pipeline.read("elements", source);
        self.run(runner, &pipeline, elements)
    }

    pub(crate) fn play(&self, runner: Runner, script: TestStream<Pair>) -> Outcome {
        let pipeline = Pipeline::new();
        let elements = pipeline.test_stream("elements", script);
        self.run(runner, &pipeline, elements)
    }

    fn run(&self, runner: Runner, pipeline: &Pipeline, elements: PCollection<Pair>) -> Outcome {
        let (panes, dropped) = (MemorySink::new(), MemorySink::new());
        let mut windowed = elements.window(self.windows());
        if self.stateful {
            let (held, late) = windowed.par_do_stateful_with_dropped("hold back", HoldBack);
            late.map_in("too late before", |dropped, at| place(dropped.element, at)).write("before", dropped.sink());
            windowed = held;
        }
        let (groups, late) = windowed.group_by_key_with_dropped("group");
        late.map_in("too late", |dropped, at| place(dropped.element, at)).write("dropped", dropped.sink());
        groups
            .map_in("pane", |(key, values), at| (place((key, 0), at).0, at.pane.index, values))
            .write("panes", panes.sink());
        let graph = pipeline.graph().unwrap_or_else(|failure| panic!("{failure}"));
        runner.run(&graph).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let mut lost = Amount::new();
        for (place, value) in dropped.take() {
            assert!(lost.entry(place).or_default().insert(value), "each element is dropped once from each window");
        }
        Outcome { panes: panes.take(), dropped: lost }
    }

    /// What the panes amount to, window by window of `expected`.
    pub(crate) fn amount(&self, panes: &[Pane], expected: &Amount) -> Amount {
        let mut amount = Amount::new();
        if self.is_merging() {
            for ((key, start, end), _, values) in panes.iter().filter(|(.., values)| !values.is_empty()) {
                let within = expected.keys().find(|(of, first, last)| of == key && first <= start && end <= last);
                amount.entry(within.copied().unwrap_or((*key, *start, *end))).or_default().extend(values);
            }
            return amount;
        }
        let mut last: BTreeMap<Place, u64> = BTreeMap::new();
        let mut in_order: Vec<&Pane> = panes.iter().collect();
        in_order.sort_by_key(|(place, index, _)| (*place, *index));
        for (place, index, values) in in_order {
            assert_eq!(last.insert(*place, *index), index.checked_sub(1), "panes are numbered without a gap");
            let held = amount.entry(*place).or_default();
            if self.accumulating {
                held.clear();
            }
            for value in values {
                assert!(held.insert(*value), "no value comes twice");
            }
        }
        amount
    }

    fn windows(&self) -> WindowSpec {
        let spec = match self.function {
            Function::Fixed(size) => WindowSpec::of(Fixed::of(milliseconds(size))),
            Function::Sliding(size, period) => {
                WindowSpec::of(Sliding::of(milliseconds(size)).every(milliseconds(period)))
            }
            Function::Sessions(gap) => WindowSpec::of(Sessions::of(milliseconds(gap))),
            Function::Global => WindowSpec::of(Global),
        };
        let spec = spec.trigger(self.trigger.clone()).allowed_lateness(milliseconds(self.lateness));
        let spec = if self.accumulating { spec.accumulating() } else { spec.discarding() };
        spec.timestamp_combiner(self.timestamps).allow_data_loss()
    }
}

fn place((key, value): Pair, at: At) -> (Place, i64) {
    ((key, at.window.start.millis(), at.window.end.millis()), value)
}

/// Keeps elements back until a timer some time after the first of them, and lets them go at their own times.
#[derive(Clone)]
struct HoldBack;

impl StatefulDoFn<i64, i64> for HoldBack {
    type State = (Bag<(i64, Timestamp)>, Value<Timestamp>, EventTimer);
    type Out = Output<Pair>;

    fn process(
        &mut self,
        _: &i64,
        value: i64,
        (held, earliest, release): &mut Self::State,
        cx: &StateContext,
        _: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let at = cx.timestamp();
        held.add((value, at));
        let first = earliest.get().copied().filter(|_| held.len() > 1).map_or(at, |first| first.min(at));
        earliest.set(first);
        // What is emitted may not precede the element at hand, so an earlier one before it is let go by the first setting.
        if held.len() == 1 || first == at {
            release.set_relative_with_output(milliseconds(5), OutputTime::At(first));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &i64,
        (held, _, _): &mut Self::State,
        _: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        for (value, at) in held.take() {
            out.emit_at((*key, value), at);
        }
        Ok(())
    }
}

fn any_trigger() -> impl Strategy<Value = Trigger> {
    let leaf = prop_oneof![
        Just(Trigger::Default),
        Just(Trigger::Never),
        Just(Trigger::after_watermark()),
        (1_u64..4).prop_map(Trigger::after_count),
        (0_u64..6).prop_map(|delay| Trigger::after_processing_time(milliseconds(delay))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(early, late)| Trigger::after_watermark().early(early).late(late)),
            parts.clone().prop_map(Trigger::AfterEach),
            parts.clone().prop_map(Trigger::AfterFirst),
            parts.prop_map(Trigger::AfterAll),
            (inner.clone(), inner.clone()).prop_map(|(main, until)| main.or_finally(until)),
            inner.prop_map(Trigger::repeatedly),
        ]
    })
}

/// One that cannot finish before gc.
fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        1 => Just(Trigger::Default),
        1 => Just(Trigger::Never),
        3 => any_trigger().prop_map(Trigger::repeatedly),
        3 => (any_trigger(), any_trigger())
            .prop_map(|(early, late)| Trigger::after_watermark().early(early).late(late)),
    ]
}

prop_compose! {
    pub(crate) fn recipe()(
        function in prop_oneof![
            (1_u64..25).prop_map(Function::Fixed),
            (1_u64..25, 1_u64..9).prop_map(|(size, period)| Function::Sliding(size, period)),
            (1_u64..12).prop_map(Function::Sessions),
            Just(Function::Global),
        ],
        trigger in trigger(),
        lateness in select(vec![0_u64, 3, 20, 1000]),
        accumulating in any::<bool>(),
        timestamps in select(vec![TimestampCombiner::EndOfWindow, TimestampCombiner::Earliest, TimestampCombiner::Latest]),
        stateful in any::<bool>(),
    ) -> Recipe {
        // State cannot follow windows that may still merge.
        let stateful = stateful && !matches!(function, Function::Sessions(_));
        Recipe { function, trigger, lateness, accumulating, timestamps, stateful }
    }
}
