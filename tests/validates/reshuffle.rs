//! `reshuffle`, which Beam also calls redistribute: everything once, where it stood.

use purlin::Pane;
use purlin::prelude::*;
use purlin::testing::{TestStream, check};

use crate::{at, test, window};

/// Whether each element stands after a reshuffle where it stood before.
fn holds<T: Element>(name: &str, elements: &PCollection<T>) -> PCollection<bool> {
    let before = elements.map_in(&format!("{name}, before"), |value, at| (value, place(at)));
    before.reshuffle().map_in(&format!("{name}, after"), |(_, before), at| before == place(at))
}

fn place(at: At) -> (Timestamp, Window, Pane) {
    (at.timestamp, at.window, at.pane)
}

#[test]
fn every_element_once_at_its_timestamp() {
    let test = test();
    let elements = [("a", Timestamp::MIN), ("a", at(0)), ("b", at(33)), ("b", Timestamp::GLOBAL_MAX)]
        .map(|(word, time)| (word.to_string(), time));
    let words = test.create_at("words", elements.clone());
    check(&words.reshuffle()).contains_at(elements);
    check(&words.reshuffle().reshuffle().combine_globally("count", Count)).equals(4);
    check(&holds("global", &words)).contains_in_any_order([true; 4]);
    test.run();
}

#[test]
fn many_elements() {
    let test = test();
    let numbers = test.create("numbers", 0..20_000_i64).reshuffle();
    check(&numbers.combine_globally("sum", (Sum, Count))).equals((199_990_000, 20_000));
    test.run();
}

#[test]
fn windows_are_kept() {
    let test = test();
    let pairs = test.create_at("pairs", [((1_u8, 3_i64), at(3)), ((2, 4), at(14)), ((1, 5), at(5))]);
    let fixed = pairs.window(Fixed::of(milliseconds(10)));
    let sliding = pairs.window(Sliding::of(milliseconds(10)).every(milliseconds(5)));
    let sessions = pairs.window(Sessions::of(milliseconds(10)));
    check(&holds("fixed", &fixed)).contains_in_any_order([true; 3]);
    check(&holds("sliding", &sliding)).contains_in_any_order([true; 6]);
    // Sessions that have not merged yet merge afterwards.
    check(&holds("sessions", &sessions)).contains_in_any_order([true; 3]);
    check(&sessions.reshuffle().combine_per_key("merged", Sum)).in_window(window(3, 15)).is_map([(1, 8)]);
    check(&fixed.reshuffle().combine_per_key("sum", Sum)).in_window(window(0, 10)).is_map([(1, 8)]);
    test.run();
}

#[test]
fn after_a_grouping_windows_and_panes_are_kept() {
    let test = test();
    let pairs = test.create_at("pairs", [((1_u8, 3_i64), at(3)), ((2, 4), at(14)), ((1, 5), at(5))]);
    for (name, windowed) in [
        ("fixed", pairs.window(Fixed::of(milliseconds(10)))),
        ("sliding", pairs.window(Sliding::of(milliseconds(10)).every(milliseconds(5)))),
        ("sessions", pairs.window(Sessions::of(milliseconds(10)))),
    ] {
        let groups = windowed.group_by_key(&format!("group {name}"));
        let count = if name == "sliding" { 5 } else { 2 };
        check(&holds(name, &groups)).contains_in_any_order(vec![true; count]);
        check(&groups.reshuffle().combine_globally(&format!("count {name}"), Count)).satisfies(move |counts| {
            assert_eq!(counts.iter().sum::<u64>(), count as u64);
        });
    }
    test.run();
}

/// Early, on-time and late panes, and elements far behind the watermark, which a reshuffle does not drop.
#[test]
fn panes_and_late_elements_of_a_script_are_kept() {
    let test = test();
    let day = 86_400_000;
    let script = TestStream::new()
        .elements([(1_i64, at(1)), (2, at(2))])
        .advance_watermark(at(48 * day))
        .elements([(3, at(0)), (4, at(48 * day)), (5, Timestamp::GLOBAL_MAX)])
        .advance_watermark(at(49 * day));
    let numbers = test.test_stream("numbers", script);
    let windows = Fixed::of(milliseconds(10))
        .with()
        .trigger(Trigger::after_watermark().early(Trigger::after_count(1)).late(Trigger::after_count(1)));
    let windowed = numbers.window(windows.allowed_lateness(days(100)).accumulating());
    check(&windowed.reshuffle()).contains_in_any_order([1, 2, 3, 4, 5]);
    check(&holds("ungrouped", &windowed)).contains_in_any_order([true; 5]);
    let sums = windowed.combine_globally("sum", Sum);
    check(&sums.reshuffle()).in_window(window(0, 10)).in_early_pane().equals(3).in_late_pane().equals(6);
    check(&holds("panes", &sums)).satisfies(|all| assert!(all.len() > 4 && all.iter().all(|same| *same)));
    test.run();
}
