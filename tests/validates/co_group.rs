//! Two collections grouped together, and joined.

use purlin::prelude::*;
use purlin::testing::check;

use crate::{at, test, window};

fn names_and_amounts(pipeline: &Pipeline) -> (PCollection<(u8, String)>, PCollection<(u8, i64)>) {
    let names = [(1, "Ada", 3), (1, "Lovelace", 12), (2, "Alan", 14)];
    let amounts = [(1, 10, 5), (1, 20, 6), (3, 30, 7), (2, 40, 29)];
    (
        pipeline.create_at("names", names.map(|(key, name, ms)| ((key, name.to_string()), at(ms)))),
        pipeline.create_at("amounts", amounts.map(|(key, amount, ms)| ((key, amount), at(ms)))),
    )
}

type Sides = (Vec<String>, Vec<i64>);

/// Sides with sorted values.
fn sorted(groups: PCollection<(u8, Sides)>) -> PCollection<(u8, Sides)> {
    groups.map_values("sort", |(mut names, mut amounts): Sides| {
        names.sort();
        amounts.sort();
        (names, amounts)
    })
}

fn sides(names: &[&str], amounts: &[i64]) -> Sides {
    (names.iter().map(ToString::to_string).collect(), amounts.to_vec())
}

#[test]
fn keys_of_both_of_one_and_of_the_other() {
    let test = test();
    let (names, amounts) = names_and_amounts(&test);
    let groups = names.co_group_by_key("co-group", &amounts).apply("sorted", sorted);
    check(&groups).is_map([
        (1, sides(&["Ada", "Lovelace"], &[10, 20])),
        (2, sides(&["Alan"], &[40])),
        (3, sides(&[], &[30])),
    ]);
    test.run();
}

#[test]
fn window_by_window() {
    let test = test();
    let (names, amounts) = names_and_amounts(&test);
    let fixed = || Fixed::of(milliseconds(10));
    let groups = names.window(fixed()).co_group_by_key("co-group", &amounts.window(fixed())).apply("sorted", sorted);
    check(&groups)
        .in_window(window(0, 10))
        .is_map([(1, sides(&["Ada"], &[10, 20])), (3, sides(&[], &[30]))])
        .in_window(window(10, 20))
        .is_map([(1, sides(&["Lovelace"], &[])), (2, sides(&["Alan"], &[]))])
        .in_window(window(20, 30))
        .is_map([(2, sides(&[], &[40]))]);
    // The elements of both make one session.
    let gap = || Sessions::of(milliseconds(8));
    let groups = names.window(gap()).co_group_by_key("sessions", &amounts.window(gap())).apply("sorted too", sorted);
    check(&groups)
        .in_window(window(3, 20))
        .is_map([(1, sides(&["Ada", "Lovelace"], &[10, 20]))])
        .in_window(window(14, 22))
        .is_map([(2, sides(&["Alan"], &[]))]);
    test.run();
}

#[test]
fn one_side_without_elements() {
    let test = test();
    let (names, amounts) = names_and_amounts(&test);
    let none = amounts.filter("none", |_| false);
    check(&names.co_group_by_key("right is empty", &none).apply("sorted", sorted))
        .is_map([(1, sides(&["Ada", "Lovelace"], &[])), (2, sides(&["Alan"], &[]))]);
    check(&names.filter("no names", |_| false).co_group_by_key("left is empty", &amounts).apply("sorted too", sorted))
        .is_map([(1, sides(&[], &[10, 20])), (2, sides(&[], &[40])), (3, sides(&[], &[30]))]);
    test.run();
}

#[test]
fn three_collections() {
    let test = test();
    let (names, amounts) = names_and_amounts(&test);
    let flags = test.create("flags", [(1_u8, true), (4, false)]);
    let two = names.co_group_by_key("two", &amounts).apply("sorted", sorted);
    let three = two.co_group_by_key("three", &flags);
    check(&three).is_map([
        (1, (vec![sides(&["Ada", "Lovelace"], &[10, 20])], vec![true])),
        (2, (vec![sides(&["Alan"], &[40])], vec![])),
        (3, (vec![sides(&[], &[30])], vec![])),
        (4, (vec![], vec![false])),
    ]);
    test.run();
}

#[test]
fn joins() {
    let test = test();
    let (names, amounts) = names_and_amounts(&test);
    let (ada, lovelace, alan) = ("Ada".to_string(), "Lovelace".to_string(), "Alan".to_string());
    let inner = [
        (1, (ada.clone(), 10)),
        (1, (ada.clone(), 20)),
        (1, (lovelace.clone(), 10)),
        (1, (lovelace.clone(), 20)),
        (2, (alan.clone(), 40)),
    ];
    check(&names.inner_join("inner", &amounts)).contains_in_any_order(inner.clone());
    let left = inner.clone().map(|(key, (name, amount))| (key, (amount, Some(name))));
    check(&amounts.left_join("left", &names)).contains_in_any_order(left.into_iter().chain([(3, (30, None))]));
    let outer = inner.map(|(key, (name, amount))| (key, (Some(name), Some(amount))));
    let outer = outer.into_iter().chain([(3, (None, Some(30)))]);
    check(&names.outer_join("outer", &amounts)).contains_in_any_order(outer);
    test.run();
}
