//! Pipelines without a fault pass, under each of the laws.

use std::collections::HashMap;

use purlin::prelude::*;
use purlin::testing::equivalence;
use purlin::testing::proptest::prelude::*;

/// Few keys and times, so that they meet.
fn pair() -> impl Strategy<Value = ((u8, i64), Timestamp)> {
    ((0..3_u8, -20..20_i64), (-40..120_i64).prop_map(Timestamp::from_millis))
}

fn early() -> Trigger {
    Trigger::after_watermark().early(Trigger::after_count(2)).late(Trigger::after_count(1))
}

#[test]
fn windows_side_inputs_and_joins() {
    let pipeline = |pairs: PCollection<(u8, i64)>| {
        let windowed = pairs.window(Sliding::of(milliseconds(20)).every(milliseconds(7)));
        let total = windowed.map("value", |(_, n)| n).combine_globally("total", Sum).as_optional(0);
        let sums = windowed.combine_per_key("sum", (Sum, Count));
        let top = windowed.combine_per_key("top", Top::n(2));
        sums.inner_join("join", &top)
            .map_with("share", &total, |(key, ((sum, count), top)), total| (key, sum, count, top, *total))
    };
    equivalence(pair(), pipeline).cases(256).check();
}

#[test]
fn values_without_timestamps() {
    equivalence("[ab ]{0,6}", |lines: PCollection<String>| {
        let words = lines.flat_map("words", |line| line.split_whitespace().map(String::from).collect::<Vec<_>>());
        words.key_by("word", |word| word.clone()).combine_per_key("count", Count)
    })
    .check();
}

#[test]
fn a_hash_map_as_a_value() {
    let pipeline = |pairs: PCollection<(u8, i64)>| {
        let groups = pairs.window(Sessions::of(milliseconds(9))).group_by_key("group");
        groups.map_values("count", |values| {
            values.into_iter().fold(HashMap::new(), |mut counts: HashMap<i64, u64>, value| {
                *counts.entry(value).or_default() += 1;
                counts
            })
        })
    };
    equivalence(pair(), pipeline).check();
}

#[test]
fn lateness_that_is_not_needed() {
    let windows = || Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(25)).discarding();
    equivalence(pair(), move |pairs: PCollection<(u8, i64)>| pairs.window(windows()).combine_per_key("sum", Sum))
        .check();
    let closing = move || windows().closing(purlin::window::ClosingBehavior::Always);
    equivalence(pair(), move |pairs: PCollection<(u8, i64)>| pairs.window(closing()).combine_per_key("sum", Sum))
        .check();
}

#[test]
fn accumulating_panes() {
    let fixed = || Fixed::of(milliseconds(10)).with().trigger(early()).allowed_lateness(milliseconds(5)).accumulating();
    let pipeline = move |pairs: PCollection<(u8, i64)>| pairs.window(fixed()).combine_per_key("sum", Sum);
    equivalence(pair(), pipeline).keyed_by(|(key, _)| *key).check();
}

#[test]
fn discarding_panes() {
    let fixed = || Fixed::of(milliseconds(10)).with().trigger(early()).allowed_lateness(milliseconds(5)).discarding();
    let pipeline = move |pairs: PCollection<(u8, i64)>| pairs.window(fixed()).combine_per_key("sum", Sum);
    let test = equivalence(pair(), pipeline).keyed_by(|(key, _)| *key);
    test.panes_combined_by(|(key, a), (_, b)| (key, a + b)).check();
}

#[test]
fn sessions_that_fire_early() {
    let often = || Trigger::after_count(2).repeatedly();
    let sessions = move || Sessions::of(milliseconds(9)).with().trigger(often()).allowed_lateness(milliseconds(0));
    let accumulating =
        move |pairs: PCollection<(u8, i64)>| pairs.window(sessions().accumulating()).combine_per_key("sum", Sum);
    equivalence(pair(), accumulating).keyed_by(|(key, _)| *key).check();
    let discarding =
        move |pairs: PCollection<(u8, i64)>| pairs.window(sessions().discarding()).combine_per_key("sum", Sum);
    let test = equivalence(pair(), discarding).keyed_by(|(key, _)| *key);
    test.panes_combined_by(|(key, a), (_, b)| (key, a + b)).check();
}
