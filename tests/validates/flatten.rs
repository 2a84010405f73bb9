//! `flatten`: of none, one, many; the same one several times; other coders and windows.

use purlin::coder::Json;
use purlin::prelude::*;
use purlin::testing::check;

use crate::{at, test, window};

#[test]
fn of_none() {
    let test = test();
    let none = test.flatten("none", Vec::<PCollection<i64>>::new());
    check(&none).is_empty();
    check(&none.map("mapped", |n| n + 1)).is_empty();
    check(&test.create("one", [1]).flat_map_with("looked up", &none.as_list(), |_, list| list.clone())).is_empty();
    test.run();
}

#[test]
fn of_one() {
    let test = test();
    let one = test.flatten("one", [test.create_at("numbers", [(1, at(5)), (2, at(6))])]);
    check(&one).contains_at([(1, at(5)), (2, at(6))]);
    test.run();
}

#[test]
fn of_many_some_of_them_empty() {
    let test = test();
    let parts: Vec<PCollection<u64>> =
        (0..8_u64).map(|part| test.create(&format!("part {part}"), 0..part % 3)).collect();
    let all = test.flatten("all", parts).map("mapped", |n| n + 10);
    check(&all).contains_in_any_order([10, 10, 10, 10, 10, 11, 11]);
    test.run();
}

#[test]
fn of_the_same_several_times() {
    let test = test();
    let (numbers, others) = (test.create("numbers", [1, 2]), test.create("others", [3]));
    let all = test.flatten("all", [numbers.clone(), others, numbers.clone(), numbers.map("same", |n| n)]);
    check(&all).contains_in_any_order([1, 1, 1, 2, 2, 2, 3]);
    test.run();
}

/// Each input is encoded by its own coder, what comes out by that of the first.
#[test]
fn of_several_coders() {
    let test = test();
    let pair = |n: u32| (format!("key {n}"), n);
    let json = test.create("json", [pair(1), pair(2)]).with_coder(Json);
    let postcard = test.create("postcard", [pair(1), pair(3)]);
    for (name, both) in [("json first", [json.clone(), postcard.clone()]), ("json last", [postcard, json])] {
        let all = test.flatten(name, both).reshuffle();
        check(&all).contains_in_any_order([pair(1), pair(1), pair(2), pair(3)]);
        let groups = all.group_by_key(&format!("{name}, grouped"));
        check(&groups).contains_groups([(1, vec![1, 1]), (2, vec![2]), (3, vec![3])].map(|(n, all)| (pair(n).0, all)));
    }
    test.run();
}

#[test]
fn each_part_and_the_whole_are_used() {
    let test = test();
    let (odd, even) = (test.create("odd", [1, 3]), test.create("even", [2, 4]));
    let all = test.flatten("all", [odd.clone(), even.clone()]);
    check(&odd.combine_globally("sum of odd", Sum)).equals(4);
    check(&even.combine_globally("sum of even", Sum)).equals(6);
    check(&all.combine_globally("sum of all", Sum)).equals(10);
    check(&test.flatten("twice", [all.clone(), all])).contains_in_any_order([1, 1, 2, 2, 3, 3, 4, 4]);
    test.run();
}

#[test]
fn windows_timestamps_and_panes_are_kept() {
    let test = test();
    let windowed = |name: &str, elements: [(i64, Timestamp); 2]| {
        test.create_at(name, elements).window(Fixed::of(milliseconds(10)))
    };
    let grouped = windowed("grouped", [(1, at(5)), (2, at(6))]).combine_globally("sum", Sum);
    let other = windowed("other", [(4, at(7)), (8, at(17))]).combine_globally("other sum", Sum);
    let all = test.flatten("all", [grouped, other]);
    check(&all).contains_at([(3, at(9)), (4, at(9)), (8, at(19))]);
    check(&all).in_window(window(0, 10)).in_on_time_pane().contains_in_any_order([3, 4]);
    test.run();
}

#[test]
fn collections_that_do_not_go_together_are_refused() {
    let pipeline = Pipeline::new();
    let numbers = pipeline.create("numbers", [1, 2]);
    let [fine, coarse] = [1, 2].map(|minute| numbers.window(Fixed::of(minutes(minute))));
    drop(pipeline.flatten("all", [fine, coarse]));
    let told = pipeline.graph().map(drop).unwrap_err().to_string();
    assert!(told.contains("transform `all`: `window` is windowed by fixed(60000 ms"), "{told}");
}
