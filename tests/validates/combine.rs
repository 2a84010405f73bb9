//! Combiners: per key and globally, in windows, composed, with a fan-out, in panes that accumulate.

use std::collections::BTreeSet;

use purlin::prelude::*;
use purlin::testing::{TestStream, check};
use purlin::window::OnTimeBehavior;
use serde::{Deserialize, Serialize};

use crate::{at, test, window};

fn sales(pipeline: &Pipeline) -> PCollection<(String, i64)> {
    let sales = [("a", 1, 0), ("a", 1, 5), ("a", 4, 9), ("b", 1, 16), ("b", 13, 17), ("a", 7, 30)];
    pipeline.create_at("sales", sales.map(|(key, amount, ms)| ((key.to_string(), amount), at(ms))))
}

fn keyed<V>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Vec<(String, V)> {
    entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

#[test]
fn per_key_and_globally() {
    let test = test();
    let sales = sales(&test);
    let amounts = sales.map("amount", |(_, amount)| amount);
    check(&sales.combine_per_key("sum", Sum)).is_map(keyed([("a", 13), ("b", 14)]));
    check(&sales.combine_per_key("mean", Mean)).is_map(keyed([("a", 3.25), ("b", 7.0)]));
    check(&amounts.combine_globally("total", Sum)).equals(27);
    check(&amounts.combine_globally("greatest", Max)).equals(Some(13));
    check(&amounts.combine_globally("top", Top::n(3))).equals(vec![13, 7, 4]);
    test.run();
}

#[test]
fn in_fixed_sliding_and_session_windows() {
    let test = test();
    let sales = sales(&test);
    let fixed = sales.window(Fixed::of(milliseconds(10))).combine_per_key("fixed", Sum);
    check(&fixed)
        .contains_at([("a", 6, 9), ("b", 14, 19), ("a", 7, 39)].map(|(key, sum, ms)| ((key.to_string(), sum), at(ms))));
    let sliding = sales.window(Sliding::of(milliseconds(20)).every(milliseconds(10))).combine_per_key("sliding", Sum);
    check(&sliding)
        .in_window(window(-10, 10))
        .is_map(keyed([("a", 6)]))
        .in_window(window(0, 20))
        .is_map(keyed([("a", 6), ("b", 14)]))
        .in_window(window(10, 30))
        .is_map(keyed([("b", 14)]))
        .in_window(window(20, 40))
        .is_map(keyed([("a", 7)]))
        .in_window(window(30, 50))
        .is_map(keyed([("a", 7)]));
    let sessions = sales.window(Sessions::of(milliseconds(6))).combine_per_key("sessions", Sum);
    check(&sessions)
        .in_window(window(0, 15))
        .is_map(keyed([("a", 6)]))
        .in_window(window(16, 23))
        .is_map(keyed([("b", 14)]))
        .in_window(window(30, 36))
        .is_map(keyed([("a", 7)]));
    test.run();
}

/// A global combine makes nothing for a window without elements.
#[test]
fn globally_in_windows() {
    let test = test();
    let sums = sales(&test).map("amount", |(_, amount)| amount).window(Fixed::of(milliseconds(10)));
    check(&sums.combine_globally("sum", (Sum, Count))).contains_at([
        ((6, 3), at(9)),
        ((14, 2), at(19)),
        ((7, 1), at(39)),
    ]);
    test.run();
}

/// A user's own: an accumulator unlike input and output, and a step at the end.
struct Spread;

#[derive(Clone, Serialize, Deserialize)]
struct Seen {
    values: BTreeSet<i64>,
    count: u64,
}

impl CombineFn<i64> for Spread {
    type Accumulator = Seen;
    type Output = String;

    fn create(&self) -> Seen {
        Seen { values: BTreeSet::new(), count: 0 }
    }

    fn add(&self, seen: &mut Seen, n: &i64) {
        seen.values.insert(*n);
        seen.count += 1;
    }

    fn merge(&self, seen: &mut Seen, other: Seen) {
        seen.values.extend(other.values);
        seen.count += other.count;
    }

    fn extract(&self, seen: Seen) -> String {
        format!("{:?} of {}", seen.values, seen.count)
    }
}

#[test]
fn a_users_own_combiner() {
    let test = test();
    let sales = sales(&test);
    let spread = sales.combine_per_key("spread", Spread);
    check(&spread).is_map(keyed([("a", "{1, 4, 7} of 4"), ("b", "{1, 13} of 2")].map(|(k, v)| (k, v.to_string()))));
    let sessions = sales.window(Sessions::of(milliseconds(6))).combine_per_key("in sessions", Spread);
    check(&sessions).in_window(window(0, 15)).is_map(keyed([("a", "{1, 4} of 3".to_string())]));
    test.run();
}

#[test]
fn composed_combiners_make_one_pass() {
    let test = test();
    let sales = sales(&test);
    let nested = sales.combine_per_key("nested", ((Sum, Count), (Min, Max), Spread));
    check(&nested).is_map(keyed([
        ("a", ((13, 4), (Some(1), Some(7)), "{1, 4, 7} of 4".to_string())),
        ("b", ((14, 2), (Some(1), Some(13)), "{1, 13} of 2".to_string())),
    ]));
    let projected = sales.combine_globally(
        "projected",
        (Count, Sum.of(|(_, n): &(String, i64)| *n), Max.of(|(key, _): &(String, i64)| key.clone())),
    );
    check(&projected).equals((6, 27, Some("b".to_string())));
    test.run();
}

/// The result of a combine is combined again, under the windows at hand and under others.
#[test]
fn combines_of_combines() {
    let test = test();
    let sums = sales(&test).window(Fixed::of(milliseconds(10))).combine_per_key("sum", Sum);
    check(&sums.combine_globally("windows", Top::n(9).of(|(_, sum): &(String, i64)| *sum))).contains_in_any_order([
        vec![6],
        vec![14],
        vec![7],
    ]);
    let larger = sums.window(Fixed::of(milliseconds(20))).combine_per_key("larger", (Sum, Count));
    check(&larger).in_window(window(0, 20)).is_map(keyed([("a", (6, 1)), ("b", (14, 1))]));
    check(&sums.window(Global).combine_per_key("all", (Sum, Count))).is_map(keyed([("a", (13, 2)), ("b", (14, 1))]));
    test.run();
}

#[test]
fn a_hot_key_is_combined_in_parts() {
    let test = test();
    let pairs = test.create("pairs", (0..10_000_i64).map(|n| (n % 100 / 99, n)));
    let plain = pairs.combine_per_key("plain", (Sum, Count));
    let parts = pairs.combine_per_key_with_fanout("parts", (Sum, Count), |key| if *key == 0 { 7 } else { 1 });
    let sum_of = |wanted: i64| (0..10_000_i64).filter(|n| n % 100 / 99 == wanted).sum::<i64>();
    let expected = [(0, (sum_of(0), 9_900)), (1, (sum_of(1), 100))];
    check(&plain).is_map(expected);
    check(&parts).is_map(expected);
    let globally = pairs.map("value", |(_, n)| n).combine_globally_with_fanout("globally", Mean, 5);
    check(&globally).equals(4999.5);
    test.run();
}

fn numbers() -> TestStream<i64> {
    TestStream::new()
        .elements([(1, at(1)), (2, at(2))])
        .advance_processing_time(milliseconds(6))
        .advance_processing_time(milliseconds(1))
        .elements([(4, at(3))])
        .advance_watermark(at(10))
        .elements([(8, at(4))])
        .advance_processing_time(milliseconds(6))
        .advance_processing_time(milliseconds(1))
}

fn windows(trigger: Trigger) -> WindowSpec {
    Fixed::of(milliseconds(10)).with().trigger(trigger).allowed_lateness(milliseconds(100))
}

/// A combine downstream of one that accumulates takes in every pane of it: what came twice counts twice.
#[test]
fn accumulating_panes_downstream() {
    let test = test();
    let often = Trigger::after_count(1).repeatedly();
    let pairs = test.test_stream("numbers", numbers()).key_by("key", |n| n % 2);
    let accumulating = pairs.window(windows(often.clone()).accumulating()).combine_per_key("accumulating", Sum);
    check(&accumulating).contains_in_any_order([(1, 1), (0, 2), (0, 6), (0, 14)]);
    let sums = accumulating.map("sum", |(_, sum)| sum).combine_globally("sum of panes", Sum);
    check(&sums).contains_in_any_order([3, 9, 23]);
    let discarding = pairs.window(windows(often).discarding()).combine_per_key("discarding", Sum);
    check(&discarding).contains_in_any_order([(1, 1), (0, 2), (0, 4), (0, 8)]);
    let sums = discarding.map("sum of new", |(_, sum)| sum).combine_globally("sum of all panes", Sum);
    check(&sums).contains_in_any_order([3, 4, 8]);
    test.run();
}

/// With a fan-out the parts discard, whatever the mode, so that nothing is counted twice. Their panes come together once the clock has gone on.
#[test]
fn a_hot_key_in_accumulating_panes() {
    let test = test();
    let trigger = Trigger::after_processing_time(milliseconds(5)).repeatedly();
    let pairs = test.test_stream("numbers", numbers()).key_by("key", |_| 0_u8).window(windows(trigger).accumulating());
    let whole = pairs.combine_per_key("whole", Sum);
    let parts = pairs.combine_per_key_with_fanout("parts", Sum, |_| 3);
    check(&whole).in_early_pane().is_map([(0, 3)]).in_on_time_pane().is_map([(0, 15)]);
    check(&parts).in_early_pane().is_map([(0, 3)]).in_on_time_pane().is_map([(0, 15)]);
    test.run();
}

#[test]
fn as_a_side_input() {
    let test = test();
    let amounts = sales(&test).map("amount", |(_, amount)| amount);
    let total = amounts.combine_globally("total", Sum).as_singleton();
    check(&amounts.map_with("rest", &total, |n, total| total - n)).contains_in_any_order([26, 26, 23, 26, 14, 20]);
    let windowed = amounts.window(Fixed::of(milliseconds(10)));
    let total = windowed.combine_globally("total of window", Sum).as_singleton();
    check(&windowed.map_with("rest of window", &total, |n, total| total - n))
        .contains_in_any_order([5, 5, 2, 13, 1, 0]);
    test.run();
}

/// In the global window the result of none comes for nothing, whatever the trigger; once something has come it does not.
#[test]
fn globally_by_triggers() {
    for (script, expected) in [
        (TestStream::new().advance_watermark(at(5)), vec![0]),
        (TestStream::new().elements([(3, at(1))]).elements([(4, at(2))]), vec![3, 7]),
    ] {
        let test = test();
        let often = Trigger::after_count(1).repeatedly();
        let windows = Global.with().trigger(often).accumulating().on_time(OnTimeBehavior::IfNonEmpty);
        check(&test.test_stream("numbers", script).window(windows).combine_globally("sum", Sum))
            .contains_in_any_order(expected);
        test.run();
    }
}
