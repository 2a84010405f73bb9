//! Random pipelines over a script.

use proptest::prelude::*;
use proptest::sample::select;
use purlin::prelude::*;
use purlin::source::EventUnderWay;
use purlin::window::{ClosingBehavior, OnTimeBehavior, TimestampCombiner};
use purlin::{Dropped, TimeTransform};

/// Key and value.
pub(crate) type Pair = (i64, i64);

/// Event, which output, key, value, timestamp, window, pane.
pub(crate) type Seen = ((usize, String), Pair, i64, (i64, i64), (String, u64, i64, bool, bool));

/// A chain of groupings, each under its own windowing, with what hangs on beside.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    first: Windowed,
    second: Option<Windowed>,
    third: Option<Windowed>,
    /// Joins what was grouped last with what was grouped first.
    with_side_input: bool,
    /// What was grouped first goes through calls: that many at a time, in order or not.
    calls: Option<(usize, bool)>,
    combined: bool,
}

#[derive(Clone, Debug)]
struct Windowed {
    /// `None`: as they were.
    function: Option<Function>,
    /// `None`: continued.
    trigger: Option<Trigger>,
    lateness: u64,
    accumulating: bool,
    combiner: TimestampCombiner,
    closing: ClosingBehavior,
    on_time: OnTimeBehavior,
}

#[derive(Clone, Copy, Debug)]
enum Function {
    Fixed(u64),
    Sliding(u64, u64),
    Sessions(u64),
    Global,
}

impl Recipe {
    pub(crate) fn build(&self, events: PCollection<Pair>, under_way: EventUnderWay) -> PCollection<Seen> {
        let mut outputs = Vec::new();
        let first =
            self.first.of(events).apply("first", |pairs| self.grouped(pairs, "first", &under_way, &mut outputs));
        let mut last = match self.calls {
            Some((capacity, ordered)) => {
                let options = AsyncOptions::new().capacity(capacity);
                first.map_async("ask", answered, if ordered { options.ordered() } else { options })
            }
            None => first.clone(),
        };
        for (name, windowed) in [("second", &self.second), ("third", &self.third)] {
            let Some(windowed) = windowed else { continue };
            // Other keys, so that panes of several come together.
            let moved = last.map(&format!("key of {name}"), |(key, digest)| (key % 2, digest));
            last = windowed.of(moved).apply(name, |pairs| self.grouped(pairs, name, &under_way, &mut outputs));
        }
        if self.with_side_input {
            let side =
                WindowSpec::of(Global).trigger(Trigger::after_count(1).repeatedly()).allowed_lateness(seconds(0));
            let latest = first
                .map("value", |(_, digest)| digest)
                .window(side.accumulating().allow_data_loss())
                .combine_globally("sum so far", Sum)
                .as_optional(0);
            last = last.map_with("side", &latest, |(key, digest), sum| (key, digest.wrapping_add(*sum)));
        }
        outputs.push(observed(&last, "last", &under_way));
        first.pipeline().flatten("all", outputs)
    }

    fn grouped(
        &self,
        pairs: PCollection<Pair>,
        name: &str,
        under_way: &EventUnderWay,
        outputs: &mut Vec<PCollection<Seen>>,
    ) -> PCollection<Pair> {
        let (groups, dropped) = if self.combined {
            pairs.combine_per_key_with_dropped("sum", Sum)
        } else {
            let (groups, dropped) = pairs.group_by_key_with_dropped("group");
            (groups.map_values("digest", digest), dropped)
        };
        let dropped = dropped.map("cause", |Dropped { element: (key, value), cause }| (key, value * 4 + cause as i64));
        outputs.push(observed(&dropped, &format!("dropped from {name}"), under_way));
        outputs.push(observed(&groups, name, under_way));
        groups
    }
}

/// The same pair, some sooner than others.
async fn answered(pair: Pair) -> Result<Pair, BoxError> {
    for _ in 0..pair.1.rem_euclid(4) {
        tokio::task::yield_now().await;
    }
    Ok(pair)
}

fn digest(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.iter().fold(7, |digest: i64, value| digest.wrapping_mul(31).wrapping_add(*value) % 1_000_003)
}

/// Where and when each element of a collection came; in the global window, so that all can be flattened.
fn observed(of: &PCollection<Pair>, name: &str, under_way: &EventUnderWay) -> PCollection<Seen> {
    let (under_way, output) = (under_way.clone(), name.to_string());
    let seen = of.map_in(&format!("seen {name}"), move |pair, at| {
        let pane = at.pane;
        let pane = (format!("{:?}", pane.timing), pane.index, pane.nonspeculative_index, pane.first, pane.last);
        let window = (at.window.start.millis(), at.window.end.millis());
        ((under_way.number(), output.clone()), pair, at.timestamp.millis(), window, pane)
    });
    let anyhow = WindowSpec::of(Global).trigger(Trigger::Default).allowed_lateness(seconds(0)).discarding();
    seen.window(anyhow.timestamp_combiner(TimestampCombiner::EndOfWindow).allow_data_loss())
}

impl Windowed {
    fn of(&self, pairs: PCollection<Pair>) -> PCollection<Pair> {
        let spec = match self.function {
            None => WindowSpec::unchanged(),
            Some(Function::Fixed(size)) => WindowSpec::of(Fixed::of(milliseconds(size))),
            Some(Function::Sliding(size, period)) => {
                WindowSpec::of(Sliding::of(milliseconds(size)).every(milliseconds(period)))
            }
            Some(Function::Sessions(gap)) => WindowSpec::of(Sessions::of(milliseconds(gap))),
            Some(Function::Global) => WindowSpec::of(Global),
        };
        let spec = match &self.trigger {
            Some(trigger) => spec.trigger(trigger.clone()),
            None => spec,
        };
        let spec = if self.accumulating { spec.accumulating() } else { spec.discarding() };
        let spec = spec.allowed_lateness(milliseconds(self.lateness)).timestamp_combiner(self.combiner);
        pairs.window(spec.closing(self.closing).on_time(self.on_time).allow_data_loss())
    }
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let leaf = prop_oneof![
        3 => Just(Trigger::Default),
        1 => Just(Trigger::Never),
        3 => Just(Trigger::after_watermark()),
        4 => (1_u64..4).prop_map(Trigger::after_count),
        3 => (0_u64..8).prop_map(|delay| Trigger::after_processing_time(milliseconds(delay))),
        1 => (2_i64..6, 0_i64..3).prop_map(|(period_ms, offset_ms)| Trigger::AfterProcessingTime {
            transforms: vec![TimeTransform::Align { period_ms, offset_ms }]
        }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            2 => (inner.clone(), inner.clone())
                .prop_map(|(early, late)| Trigger::after_watermark().early(early).late(late)),
            1 => inner.clone().prop_map(|early| Trigger::after_watermark().early(early)),
            3 => inner.clone().prop_map(Trigger::repeatedly),
            1 => parts.clone().prop_map(Trigger::AfterEach),
            1 => parts.clone().prop_map(Trigger::AfterFirst),
            1 => parts.prop_map(Trigger::AfterAll),
            1 => (inner.clone(), inner).prop_map(|(main, until)| main.or_finally(until)),
        ]
    })
}

fn function() -> impl Strategy<Value = Function> {
    prop_oneof![
        (1_u64..20).prop_map(Function::Fixed),
        (1_u64..20, 1_u64..8).prop_map(|(size, period)| Function::Sliding(size, period)),
        (1_u64..12).prop_map(Function::Sessions),
        Just(Function::Global),
    ]
}

prop_compose! {
    fn windowed(same_windows: bool)(
        function in function(),
        keep in any::<bool>(),
        trigger in prop::option::weighted(0.8, trigger()),
        lateness in select(vec![0_u64, 0, 5, 20, 1000]),
        accumulating in any::<bool>(),
        combiner in select(vec![TimestampCombiner::EndOfWindow, TimestampCombiner::Earliest, TimestampCombiner::Latest]),
        closing in select(vec![ClosingBehavior::Always, ClosingBehavior::IfNonEmpty]),
        on_time in select(vec![OnTimeBehavior::Always, OnTimeBehavior::IfNonEmpty]),
    ) -> Windowed {
        let function = if same_windows && keep { None } else { Some(function) };
        Windowed { function, trigger, lateness, accumulating, combiner, closing, on_time }
    }
}

prop_compose! {
    pub(crate) fn recipe()(
        first in windowed(false),
        second in prop::option::of(windowed(true)),
        third in prop::option::of(windowed(true)),
        with_side_input in any::<bool>(),
        calls in prop::option::of((1_usize..4, any::<bool>())),
        combined in any::<bool>(),
    ) -> Recipe {
        Recipe { first, second, third, with_side_input, calls, combined }
    }
}
