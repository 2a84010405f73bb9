//! Random pipelines, as recipes that can be printed, shrunk and built again.

use std::cmp::Reverse;

use proptest::collection::vec;
use proptest::prelude::*;
use purlin::prelude::*;
use purlin::window::{ByElement, Window};

use super::window_fns::{TaggedSessions, TwoSizes, Uneven};

/// Every collection in between is of these: key and value.
pub type Pair = (i64, i64);

/// All that can be observed of an element: key, value, timestamp, window, pane.
pub type Seen = (Pair, i64, (i64, i64), (String, u64, i64, bool, bool));

/// A pipeline over a left and a right input.
#[derive(Clone, Debug)]
pub struct Recipe {
    windows: Windows,
    before: Vec<Step>,
    after: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Windows {
    Global,
    Fixed(u64),
    /// Size, period and offset.
    Sliding(u64, u64, u64),
    Sessions(u64),
    TwoSizes(i64),
    Uneven(i64),
    TaggedSessions(i64),
    /// The key tells the window's length, and the value its tag.
    ByElement(i64),
    /// The same, and overlaps merge.
    MergingByElement(i64),
    /// Overlaps merge, all of one tag.
    Spans(i64),
    /// Days of some number in some zone, over times that are days apart.
    Calendar(u32, &'static str),
}

/// One step; those that need a second collection take the right input, windowed alike.
#[derive(Clone, Copy, Debug)]
enum Step {
    Map(i64),
    SwapAndFold,
    FilterValues(i64),
    Repeat(usize),
    Reshuffle,
    FlattenWithRight,
    FlattenWithItself,
    Sum,
    SumWithFanout(u32),
    CountAndExtremes,
    Group,
    DistinctValues,
    TopTwo,
    TwoNearest(i64),
    TwoSamples(u64),
    Distinct,
    DistinctBy(i64),
    LatestPerKey,
    Latest,
    SumOfAll,
    SumOfAllWithFanout(u32),
    InnerJoinRight,
    LeftJoinRight,
    OuterJoinRight,
    PartitionAndTakeBack,
    SubtractSumOfRight,
    WaitOnRight,
    ByWindow,
}

impl Recipe {
    /// Builds the pipeline: what comes out says all that can be observed.
    pub fn build(&self, left: PCollection<Pair>, right: PCollection<Pair>) -> PCollection<Seen> {
        let (mut left, right) = (self.windows.of("left windows", left), self.windows.of("right windows", right));
        for (number, step) in self.before.iter().enumerate() {
            left = (left, right.clone()).apply(&format!("step {number}"), |(left, right)| step.of(left, right));
        }
        // Grouped sessions are no longer compatible with fresh ones: what follows takes the left side alone.
        for (number, step) in self.after.iter().enumerate() {
            left = left.apply(&format!("later step {number}"), |left: PCollection<Pair>| step.of_one(left));
        }
        left.map_in("seen", |pair, at| {
            let pane = at.pane;
            let timing = format!("{:?}", pane.timing);
            let pane = (timing, pane.index, pane.nonspeculative_index, pane.first, pane.last);
            (pair, at.timestamp.millis(), (at.window.start.millis(), at.window.end.millis()), pane)
        })
    }
}

impl Recipe {
    /// The same without a fan-out, which must change nothing.
    pub fn without_fanout(&self) -> Recipe {
        let plain = |steps: &[Step]| steps.iter().map(|step| step.without_fanout()).collect();
        Recipe { windows: self.windows, before: plain(&self.before), after: plain(&self.after) }
    }
}

impl Windows {
    fn of(self, name: &str, input: PCollection<Pair>) -> PCollection<Pair> {
        match self {
            Windows::Global => input,
            Windows::Fixed(size) => input.window(Fixed::of(milliseconds(size))),
            Windows::Sliding(size, period, offset) => {
                let sliding = Sliding::of(milliseconds(size)).every(milliseconds(period));
                input.window(sliding.offset(milliseconds(offset)))
            }
            Windows::Sessions(gap) => input.window(Sessions::of(milliseconds(gap))),
            Windows::TwoSizes(size) => input.window(TwoSizes { size }),
            Windows::Uneven(period) => input.window(Uneven { period }),
            Windows::TaggedSessions(gap) => input.window(TaggedSessions { gap }),
            Windows::ByElement(unit) => by_element(name, input, ByElement::named("lengths"), unit),
            Windows::MergingByElement(unit) => {
                by_element(name, input, ByElement::named("lengths").merging_overlaps(), unit)
            }
            Windows::Spans(unit) => {
                input.window_by(name, ByElement::named("spans").merging_overlaps(), move |(_, value), at| {
                    [Window::new(
                        at.timestamp,
                        at.timestamp + milliseconds(unit as u64 * (value.unsigned_abs() % 3 + 1)),
                    )]
                })
            }
            Windows::Calendar(n, zone) => days_apart(name, input).window(Calendar::days(n).in_zone(zone)),
        }
    }

    /// Whether timestamps alone tell the windows, so that a side input may have them.
    fn can_be_looked_up(self) -> bool {
        !self.is_merging() && !matches!(self, Windows::ByElement(_))
    }

    fn is_merging(self) -> bool {
        matches!(
            self,
            Windows::Sessions(_) | Windows::TaggedSessions(_) | Windows::MergingByElement(_) | Windows::Spans(_)
        )
    }
}

impl Step {
    /// Steps that need the left collection alone.
    fn of_one(self, left: PCollection<Pair>) -> PCollection<Pair> {
        match self {
            Step::Map(by) => left.map("map", move |(key, value)| (key, value.wrapping_mul(3).wrapping_add(by))),
            Step::SwapAndFold => left.swap().map("fold", |(value, key)| (value.rem_euclid(3), key)),
            Step::FilterValues(modulus) => left.filter("filter", move |(_, value)| value.rem_euclid(modulus) != 0),
            Step::Repeat(times) => left.flat_map("repeat", move |(key, value)| {
                (0..times as i64).map(move |n| (key, value.wrapping_add(n))).collect::<Vec<_>>()
            }),
            Step::Reshuffle => left.reshuffle(),
            Step::FlattenWithItself => left.pipeline().flatten("twice", [left.clone(), left.clone()]),
            Step::Sum => left.combine_per_key("sum", Sum),
            Step::SumWithFanout(parts) => {
                left.combine_per_key_with_fanout("sum", Sum, move |key| if *key == 1 { 1 } else { parts })
            }
            Step::CountAndExtremes => left
                .combine_per_key("extremes", (Count, Min, Max))
                .map_values("pack", |(count, min, max)| digest([count as i64, min.unwrap_or(0), max.unwrap_or(0)])),
            Step::Group => left.group_by_key("group").map_values("digest", |mut values| {
                values.sort_unstable();
                digest(values)
            }),
            Step::DistinctValues => left
                .combine_per_key("distinct", Distinct)
                .flat_map("spread", |(key, values)| values.into_iter().map(move |v| (key, v)).collect::<Vec<_>>()),
            Step::TopTwo => left.combine_per_key("top", Top::n(2)).map_values("best", |best: Vec<i64>| digest(best)),
            Step::TwoNearest(to) => left
                .combine_per_key("nearest", Top::n(2).by(move |value: &i64| Reverse((value - to).abs())))
                .map_values("both", digest),
            Step::TwoSamples(seed) => {
                left.combine_per_key("samples", Sample::n(2).seed(seed)).map_values("both", digest)
            }
            Step::Distinct => left.distinct("distinct"),
            Step::DistinctBy(modulus) => left.distinct_by("distinct", move |(_, value)| value.rem_euclid(modulus)),
            Step::LatestPerKey => left.latest_per_key("latest"),
            Step::Latest => left.latest("latest"),
            Step::SumOfAll => {
                left.map("value", |(_, value)| value).combine_globally("sum of all", Sum).map("key", |sum| (0, sum))
            }
            Step::SumOfAllWithFanout(parts) => left
                .map("value", |(_, value)| value)
                .combine_globally_with_fanout("sum of all", Sum, parts)
                .map("key", |sum| (0, sum)),
            Step::PartitionAndTakeBack => {
                let mut parts = left.partition("partition", 3, |(key, _)| key.rem_euclid(3) as usize);
                let first = parts.remove(0).map("mark", |(key, value)| (key, value.wrapping_add(1)));
                left.pipeline().flatten("back", [first, parts.remove(1)])
            }
            Step::ByWindow => {
                left.map_in("by window", |(key, value), at| (key, value.wrapping_add(at.window.start.millis() / 7)))
            }
            // Steps on two collections have nothing to do with one.
            _ => left,
        }
    }

    fn of(self, left: PCollection<Pair>, right: PCollection<Pair>) -> PCollection<Pair> {
        match self {
            Step::FlattenWithRight => left.pipeline().flatten("with right", [left.clone(), right]),
            Step::InnerJoinRight => left
                .inner_join("join", &right)
                .map_values("pack", |(left, right)| left.wrapping_mul(100).wrapping_add(right)),
            Step::LeftJoinRight => left
                .left_join("join", &right)
                .map_values("pack", |(left, right)| left.wrapping_mul(100).wrapping_add(right.unwrap_or(-7))),
            Step::OuterJoinRight => left.outer_join("join", &right).map_values("pack", |(left, right)| {
                left.unwrap_or(-3).wrapping_mul(100).wrapping_add(right.unwrap_or(-7))
            }),
            Step::SubtractSumOfRight => {
                let sum = right.map("value", |(_, value)| value).combine_globally("sum", Sum).as_optional(0);
                left.map_with("subtract", &sum, |(key, value), sum| (key, value.wrapping_sub(*sum)))
            }
            Step::WaitOnRight => left.wait_on("wait", &right),
            one => one.of_one(left),
        }
    }

    /// The step that gives the same without a fan-out.
    fn without_fanout(self) -> Step {
        match self {
            Step::SumWithFanout(_) => Step::Sum,
            Step::SumOfAllWithFanout(_) => Step::SumOfAll,
            other => other,
        }
    }

    /// Whether it groups: afterwards sessions are merged, and fresh ones cannot be joined with them.
    fn groups(self) -> bool {
        use Step::{
            CountAndExtremes, Distinct, DistinctBy, DistinctValues, Group, InnerJoinRight, Latest, LatestPerKey,
            LeftJoinRight, OuterJoinRight, Sum, SumOfAll, SumOfAllWithFanout, SumWithFanout, TopTwo, TwoNearest,
            TwoSamples,
        };
        matches!(
            self,
            Sum | CountAndExtremes
                | Group
                | DistinctValues
                | TopTwo
                | TwoNearest(_)
                | TwoSamples(_)
                | Distinct
                | DistinctBy(_)
                | LatestPerKey
                | Latest
                | SumOfAll
                | SumWithFanout(_)
                | SumOfAllWithFanout(_)
                | InnerJoinRight
                | LeftJoinRight
                | OuterJoinRight
        )
    }
}

fn by_element(name: &str, input: PCollection<Pair>, function: ByElement, unit: i64) -> PCollection<Pair> {
    input.window_by(name, function, move |(key, value), at| {
        let end = Timestamp::from_millis(at.timestamp.millis() + unit * (key.rem_euclid(3) + 1));
        let window = Window { tag: value.rem_euclid(2) as u64, ..Window::new(at.timestamp, end) };
        // Some elements lie in none, some in two.
        let second = Window { tag: 9, ..window };
        [window, second].into_iter().take(value.rem_euclid(7).min(2) as usize).collect::<Vec<_>>()
    })
}

/// Times from 0 on as many quarters of days as they were milliseconds. None becomes earlier, so the watermark stays sound.
fn days_apart(name: &str, input: PCollection<Pair>) -> PCollection<Pair> {
    let quarter = |at: Timestamp| Timestamp::from_millis(at.millis().max(at.millis() * 21_600_000));
    input.apply(name, move |input: PCollection<Pair>| {
        input
            .map_in("with time", move |pair, at| (pair, quarter(at.timestamp)))
            .with_timestamps("at", |(_, at)| *at)
            .map("pair", |(pair, _)| pair)
    })
}

/// Values as one, so that any difference shows.
fn digest(values: impl IntoIterator<Item = i64>) -> i64 {
    values.into_iter().fold(0, |digest, value| digest.wrapping_mul(31).wrapping_add(value))
}

/// Random recipes.
pub fn recipe() -> impl Strategy<Value = Recipe> {
    (windows(), vec(step(), 0..6)).prop_map(|(windows, mut steps)| {
        let is_session = windows.is_merging();
        steps
            .retain(|step| windows.can_be_looked_up() || !matches!(step, Step::SubtractSumOfRight | Step::WaitOnRight));
        let first_grouping = steps.iter().position(|step| step.groups()).map_or(steps.len(), |at| at + 1);
        let cut = if is_session { first_grouping } else { steps.len() };
        let after = steps.split_off(cut);
        if is_session {
            steps.iter_mut().for_each(|step| *step = step.without_fanout());
        }
        Recipe { windows, before: steps, after }
    })
}

fn windows() -> impl Strategy<Value = Windows> {
    prop_oneof![
        Just(Windows::Global),
        (1..30_u64).prop_map(Windows::Fixed),
        (1..30_u64, 1..20_u64, 0..20_u64).prop_map(|(size, period, offset)| Windows::Sliding(size, period, offset)),
        (1..12_u64).prop_map(Windows::Sessions),
        (1..12_i64).prop_map(Windows::TwoSizes),
        (1..8_i64).prop_map(Windows::Uneven),
        (1..8_i64).prop_map(Windows::Spans),
        (1..12_i64).prop_map(Windows::TaggedSessions),
        (1..12_i64).prop_map(Windows::ByElement),
        (1..12_i64).prop_map(Windows::MergingByElement),
        (1..4_u32, prop_oneof![Just("UTC"), Just("Asia/Kathmandu"), Just("America/Sao_Paulo")])
            .prop_map(|(n, zone)| Windows::Calendar(n, zone)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (-5..5_i64).prop_map(Step::Map),
        Just(Step::SwapAndFold),
        (2..4_i64).prop_map(Step::FilterValues),
        (0..3_usize).prop_map(Step::Repeat),
        Just(Step::Reshuffle),
        Just(Step::FlattenWithRight),
        Just(Step::FlattenWithItself),
        Just(Step::Sum),
        (0..4_u32).prop_map(Step::SumWithFanout),
        Just(Step::CountAndExtremes),
        Just(Step::Group),
        Just(Step::DistinctValues),
        Just(Step::TopTwo),
        (-20..20_i64).prop_map(Step::TwoNearest),
        (0..3_u64).prop_map(Step::TwoSamples),
        Just(Step::Distinct),
        (1..5_i64).prop_map(Step::DistinctBy),
        Just(Step::LatestPerKey),
        Just(Step::Latest),
        Just(Step::SumOfAll),
        (0..4_u32).prop_map(Step::SumOfAllWithFanout),
        Just(Step::InnerJoinRight),
        Just(Step::LeftJoinRight),
        Just(Step::OuterJoinRight),
        Just(Step::PartitionAndTakeBack),
        Just(Step::SubtractSumOfRight),
        Just(Step::WaitOnRight),
        Just(Step::ByWindow),
    ]
}
