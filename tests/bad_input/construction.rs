//! Pipelines that cannot be built: every broken rule at once, each by the transform's name.

use purlin::Failure;
use purlin::io::memory;
use purlin::prelude::*;

/// Building fails, as misuse, with exactly these problems: transform and fact.
fn check(build: impl FnOnce(&Pipeline), problems: &[(&str, &str)]) {
    let pipeline = Pipeline::new();
    build(&pipeline);
    let failure = match pipeline.graph() {
        Ok(_) if problems.is_empty() => return,
        Ok(_) => panic!("it was built, against {problems:?}"),
        Err(failure) => failure,
    };
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

/// The first four refusals of SEMANTICS §3 can be switched off, by one public call; then lateness is 0 and panes are discarded.
#[test]
fn what_may_lose_data_is_refused_unless_it_is_meant() {
    let fixed = || Fixed::of(seconds(1)).with();
    let repeated = Trigger::after_count(1).repeatedly();
    let end_only = || fixed().trigger(Trigger::after_watermark()).allowed_lateness(seconds(1));
    let doubtful: [(WindowSpec, &str); 6] = [
        (fixed().trigger(repeated.clone()).discarding(), "lateness"),
        (fixed().trigger(repeated.clone()).allowed_lateness(seconds(1)), "discarding"),
        (fixed().allowed_lateness(seconds(1)), "discarding"),
        (fixed().trigger(Trigger::after_count(2)).allowed_lateness(seconds(0)).discarding(), "for ever"),
        (end_only().discarding(), "for ever"),
        (
            fixed()
                .trigger(repeated.clone().or_finally(Trigger::after_count(9)))
                .allowed_lateness(seconds(0))
                .discarding(),
            "for ever",
        ),
    ];
    for (spec, fact) in doubtful {
        check(|p| drop(pairs(p).window(spec.clone())), &[("window", fact)]);
        check(|p| drop(pairs(p).window(spec.allow_data_loss()).group_by_key("group")), &[]);
    }
    check(|p| drop(pairs(p).window(WindowSpec::of(Global).allow_data_loss()).group_by_key("group")), &[]);
    // What finishes only when nothing more comes is none of these.
    let sound = [
        fixed().trigger(Trigger::Never).allowed_lateness(seconds(1)).discarding(),
        fixed().trigger(Trigger::after_watermark()).allowed_lateness(seconds(0)),
        end_only().trigger(Trigger::after_watermark().late(Trigger::after_count(1))).discarding(),
        WindowSpec::of(Global).trigger(repeated).discarding(),
    ];
    for spec in sound {
        check(|p| drop(pairs(p).window(spec)), &[]);
    }
}

/// The refusals that nothing switches off.
#[test]
fn windows_that_do_not_go_together() {
    check(
        |p| {
            let rates = pairs(p).window(Sessions::of(seconds(1)).with().allow_data_loss());
            rates.as_multimap();
        },
        &[("window as multimap/view", "session windows cannot be looked up")],
    );
    check(
        |p| {
            let rates = p.create("rates", [1_i64]).window(Fixed::of(seconds(1))).as_list();
            drop(p.create("orders", [1_i64]).map_with("convert", &rates, |n, _| n));
        },
        &[("convert", "global window")],
    );
    check(
        |p| {
            let fixed = pairs(p).window(Fixed::of(seconds(1)));
            let larger = p.create("others", [(1_i64, 2_i64)]).window(Fixed::of(seconds(2)));
            drop(p.flatten("all", [fixed, larger]));
        },
        &[("all", "windowed by")],
    );
    check(
        |p| {
            let script = || purlin::source::TestStream::<i64>::new();
            p.test_stream("first", script());
            p.test_stream("second", script());
        },
        &[("second", "two scripts have no common clock")],
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
