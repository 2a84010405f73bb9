//! Pipelines that cannot be built: every broken rule at once, each by the transform's name.

use purlin::Failure;
use purlin::io::memory;
use purlin::prelude::*;

/// Building fails, as misuse, with exactly these problems: transform and fact.
fn check(build: impl FnOnce(&Pipeline), problems: &[(&str, &str)]) {
    let pipeline = Pipeline::new();
    build(&pipeline);
    let Err(failure) = pipeline.graph() else { panic!("it was built, against {problems:?}") };
    assert!(failure.is_misuse());
    let told = failure.to_string();
    let Failure::Construction(found) = failure else { panic!("{failure}") };
    assert_eq!(found.len(), problems.len(), "{found:?}");
    for (problem, (transform, fact)) in found.iter().zip(problems) {
        assert_eq!(problem.transform, *transform);
        assert!(problem.message.contains(fact), "{problem}");
        assert!(told.contains(&problem.to_string()), "{told}");
    }
}

fn pairs(pipeline: &Pipeline) -> PCollection<(i64, i64)> {
    let (_sender, stream) = memory::channel();
    pipeline.read("pairs", stream)
}

#[test]
fn two_transforms_of_one_name() {
    check(
        |pipeline| {
            let numbers = pipeline.create("numbers", [1, 2]);
            numbers.map("twice", |n| n * 2);
            numbers.map("twice", |n| n + n);
            numbers.clone().apply("inner", |n: PCollection<i32>| n.map("twice", |n| n * 2));
            numbers.apply("inner", |n: PCollection<i32>| n.map("thrice", |n| n * 3));
        },
        &[("twice", "its own name"), ("inner", "its own name")],
    );
}

#[test]
fn a_grouping_that_would_never_emit() {
    check(
        |pipeline| {
            pairs(pipeline).group_by_key("group");
        },
        &[("group", "never emit")],
    );
    check(
        |pipeline| {
            pairs(pipeline).apply("outer", |pairs: PCollection<(i64, i64)>| pairs.combine_per_key("sum", Sum));
        },
        &[("outer/sum", "window")],
    );
}

#[test]
fn windows_whose_output_would_be_doubtful() {
    let fixed = || Fixed::of(seconds(1)).with();
    check(|p| drop(pairs(p).window(fixed().trigger(Trigger::after_count(1).repeatedly()))), &[("window", "lateness")]);
    check(
        |p| drop(pairs(p).window(fixed().trigger(Trigger::after_count(1).repeatedly()).allowed_lateness(seconds(0)))),
        &[("window", "discarding")],
    );
    check(
        |p| drop(pairs(p).window(fixed().trigger(Trigger::after_count(1)).allowed_lateness(seconds(0)))),
        &[("window", "repeatedly")],
    );
}

#[test]
fn nothing_at_all() {
    check(|_| (), &[("(none)", "no transforms")]);
}

#[test]
fn several_problems_are_told_together() {
    check(
        |pipeline| {
            pairs(pipeline).group_by_key("group");
            pipeline.create("", [1]);
        },
        &[("group", "never emit"), ("", "needs a name")],
    );
}
