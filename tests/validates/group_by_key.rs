//! `group_by_key`: every value once, under its key, in its window, at the right time.

use purlin::prelude::*;
use purlin::testing::{TestPipeline, TestStream, check};
use purlin::window::{OnTimeBehavior, TimestampCombiner};
use serde::{Deserialize, Serialize};

use crate::{RUNNERS, at, test, window};

#[test]
fn in_the_global_window() {
    let test = test();
    let pairs = [("k1", 3), ("k5", i64::MAX), ("k5", i64::MIN), ("k2", 66), ("k1", 4), ("k2", -33), ("k3", 0)];
    let groups = test.create("pairs", pairs.map(|(key, n)| (key.to_string(), n))).group_by_key("group");
    let expected = [("k1", vec![3, 4]), ("k5", vec![i64::MIN, i64::MAX]), ("k2", vec![66, -33]), ("k3", vec![0])];
    let expected = expected.map(|(key, values)| (key.to_string(), values));
    check(&groups)
        .contains_groups(expected.clone())
        .in_window(purlin::window::Window::GLOBAL)
        .contains_groups(expected);
    test.run();
}

#[test]
fn in_fixed_sliding_and_session_windows() {
    let test = test();
    let pairs = [((1_u8, 'a'), 1), ((1, 'b'), 4), ((2, 'c'), 4), ((1, 'd'), 12), ((2, 'e'), 25), ((1, 'f'), 24)];
    let pairs = test.create_at("pairs", pairs.map(|(pair, ms)| (pair, at(ms))));
    let fixed = pairs.window(Fixed::of(milliseconds(10))).group_by_key("fixed");
    check(&fixed)
        .in_window(window(0, 10))
        .contains_groups([(1, vec!['a', 'b']), (2, vec!['c'])])
        .in_window(window(10, 20))
        .contains_groups([(1, vec!['d'])])
        .in_window(window(20, 30))
        .contains_groups([(1, vec!['f']), (2, vec!['e'])]);
    let sliding = pairs.window(Sliding::of(milliseconds(20)).every(milliseconds(10))).group_by_key("sliding");
    check(&sliding)
        .in_window(window(-10, 10))
        .contains_groups([(1, vec!['a', 'b']), (2, vec!['c'])])
        .in_window(window(0, 20))
        .contains_groups([(1, vec!['a', 'b', 'd']), (2, vec!['c'])])
        .in_window(window(10, 30))
        .contains_groups([(1, vec!['d', 'f']), (2, vec!['e'])])
        .in_window(window(20, 40))
        .contains_groups([(1, vec!['f']), (2, vec!['e'])]);
    // They merge per key.
    let sessions = pairs.window(Sessions::of(milliseconds(10))).group_by_key("sessions");
    check(&sessions)
        .in_window(window(1, 22))
        .contains_groups([(1, vec!['a', 'b', 'd'])])
        .in_window(window(24, 34))
        .contains_groups([(1, vec!['f'])])
        .in_window(window(4, 14))
        .contains_groups([(2, vec!['c'])])
        .in_window(window(25, 35))
        .contains_groups([(2, vec!['e'])]);
    test.run();
}

#[test]
fn timestamps_of_groups() {
    let test = test();
    let pairs = test.create_at("pairs", [((0, 1), at(0)), ((0, 2), at(7)), ((0, 4), at(3))]);
    for (combiner, ms) in
        [(TimestampCombiner::EndOfWindow, 9), (TimestampCombiner::Earliest, 0), (TimestampCombiner::Latest, 7)]
    {
        let windows = Fixed::of(milliseconds(10)).with().timestamp_combiner(combiner);
        let sums = pairs.window(windows).combine_per_key(&format!("{combiner:?}"), Sum);
        check(&sums).contains_at([((0, 7), at(ms))]);
        let windows = Sessions::of(milliseconds(10)).with().timestamp_combiner(combiner);
        let sums = pairs.window(windows).combine_per_key(&format!("{combiner:?} of sessions"), Sum);
        check(&sums).contains_at([((0, 7), at(if ms == 9 { 16 } else { ms }))]);
    }
    test.run();
}

/// A grouping ends the merging of its windows: sessions of one key do not merge with those of another downstream, until they
/// are assigned anew.
#[test]
fn groupings_in_a_row() {
    let test = test();
    let pairs = test.create_at("pairs", [((1_u8, 1_i64), at(0)), ((1, 2), at(5)), ((2, 4), at(8)), ((1, 8), at(40))]);
    let sums = pairs.window(Sessions::of(milliseconds(10))).combine_per_key("sum", Sum);
    let again = sums.map("one key", |(_, sum)| ((), sum)).group_by_key("again");
    check(&again)
        .in_window(window(0, 15))
        .contains_groups([((), vec![3])])
        .in_window(window(8, 18))
        .contains_groups([((), vec![4])])
        .in_window(window(40, 50))
        .contains_groups([((), vec![8])]);
    let anew = sums.map("one key again", |(_, sum)| ((), sum)).window(Sessions::of(milliseconds(10)));
    check(&anew.group_by_key("anew"))
        .in_window(window(14, 27))
        .contains_groups([((), vec![3, 4])])
        .in_window(window(49, 59))
        .contains_groups([((), vec![8])]);
    test.run();
}

/// A key of every shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Named { name: String, tags: Vec<Option<u16>> },
    Pair(Box<(i128, char)>),
}

#[test]
fn keys_of_every_shape() {
    let test = test();
    let named = |tags: &[Option<u16>]| Shape::Named { name: String::new(), tags: tags.to_vec() };
    let keys = [
        Shape::Nothing,
        named(&[]),
        named(&[None]),
        named(&[Some(0)]),
        Shape::Pair(Box::new((i128::MIN, '\0'))),
        Shape::Pair(Box::new((i128::MAX, '√'))),
    ];
    let pairs = keys.iter().cloned().cycle().zip(0..12_u32).collect::<Vec<_>>();
    let groups = test.create("pairs", pairs).group_by_key("group");
    check(&groups).contains_groups(keys.into_iter().zip(0..6).map(|(key, n)| (key, vec![n, n + 6])));
    check(&test.create("units", [((), 1), ((), 2)]).group_by_key("by nothing")).contains_groups([((), vec![1, 2])]);
    test.run();
}

#[test]
fn a_hot_key_and_many_keys() {
    // The reference runner, which does nothing cleverly, has less to do.
    for (test, count) in [(TestPipeline::on(RUNNERS[1..].to_vec()), 50_000), (TestPipeline::on([RUNNERS[0]]), 500)] {
        let groups = test.create("hot", (0..count).map(|n| (0_u8, n))).group_by_key("hot key");
        check(&groups).satisfies(move |groups| {
            let [(0, values)] = groups else { panic!("{} groups", groups.len()) };
            let mut values = values.clone();
            values.sort_unstable();
            assert!(values.into_iter().eq(0..count));
        });
        let groups = test.create("many", (0..count).map(|n| (n % (count / 2), n))).group_by_key("many keys");
        let sizes = groups.map("size", |(_, values)| values.len());
        check(&sizes.combine_globally("sizes", (Count, Min, Max))).equals((count as u64 / 2, Some(2), Some(2)));
        test.run();
    }
}

/// A timer by processing time that is due when its window has expired gives no pane.
#[test]
fn a_processing_time_trigger_of_an_expired_window_does_not_fire() {
    let test = test();
    let script = TestStream::new()
        .advance_watermark(at(0))
        .elements([(2, at(2)), (5, at(5))])
        .advance_watermark(at(100))
        .advance_processing_time(milliseconds(11));
    let windows = Fixed::of(milliseconds(100)).with().timestamp_combiner(TimestampCombiner::Earliest);
    let windows = windows.trigger(Trigger::after_processing_time(milliseconds(10)).repeatedly());
    let windows = windows.allowed_lateness(milliseconds(0)).accumulating().on_time(OnTimeBehavior::Always);
    check(&test.test_stream("numbers", script).window(windows).combine_globally("sum", Sum)).contains_at([(7, at(2))]);
    test.run();
}

#[test]
fn without_a_window_or_trigger_an_unbounded_collection_is_refused() {
    let pipeline = Pipeline::new();
    let pairs = pipeline.test_stream("pairs", TestStream::<(u8, u8)>::new());
    drop(pairs.group_by_key("never"));
    drop(pairs.window(Global.with().trigger(Trigger::after_count(2)).discarding()).group_by_key("loses"));
    let told = pipeline.graph().map(drop).unwrap_err().to_string();
    assert!(told.contains("transform `never`: it groups an unbounded collection in the global window"), "{told}");
    assert!(told.contains("finishes, and then drops the rest of its window for ever"), "{told}");
}
