//! Checks fail where they must, on every runner, with a message that can be read; and a check that is not asked is found out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use purlin::prelude::*;
use purlin::testing::{Check, Runner, TestPipeline, check, collect};
use purlin::window::Window;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start), at(end))
}

/// Sums per key and 10 ms, checked as `expect` says: what is wrong, on every kind of runner the same.
fn sums(expect: impl Fn(Check<(String, i64)>) -> Check<(String, i64)>) -> String {
    let texts = Runner::ALL.map(|runner| {
        let test = TestPipeline::on([runner]);
        let amounts = [("a", 1, 0), ("a", 2, 5), ("b", 3, 5), ("a", 9, 12), ("c", 10, 31)];
        let sums = test
            .create_at("amounts", amounts.map(|(key, n, t)| ((key.to_string(), n), at(t))))
            .window(Fixed::of(milliseconds(10)))
            .apply("totals", |amounts: PCollection<(String, i64)>| amounts.combine_per_key("sum", Sum));
        expect(check(&sums));
        let text = test.try_run().err().map(|failure| failure.to_string()).unwrap_or_default();
        // The place is this file's, the runner the only difference.
        let text = text.replace(&runner.to_string(), "RUNNER");
        text.split(" (").next().unwrap_or_default().to_string() + text.split_once(')').map_or("", |(_, rest)| rest)
    });
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
    texts[0].clone()
}

fn pair(key: &str, value: i64) -> (String, i64) {
    (key.to_string(), value)
}

#[test]
fn what_holds_passes() {
    let text = sums(|check| {
        check
            .contains_in_any_order([pair("a", 9), pair("c", 10), pair("a", 3), pair("b", 3)])
            .contains_at([
                (pair("a", 3), at(9)),
                (pair("b", 3), at(9)),
                (pair("a", 9), at(19)),
                (pair("c", 10), at(39)),
            ])
            .in_window(window(0, 10))
            .is_map([pair("b", 3), pair("a", 3)])
            .in_window(window(10, 20))
            .equals(pair("a", 9))
            .in_window(window(20, 30))
            .is_empty()
            .in_on_time_pane()
            .satisfies(|values| assert_eq!(values.len(), 4))
            .in_final_pane()
            .satisfies(|values| assert_eq!(values.len(), 4))
            .in_pane(0)
            .satisfies(|values| assert_eq!(values.len(), 4))
            .in_early_pane()
            .is_empty()
            .in_late_pane()
            .is_empty()
    });
    assert_eq!(text, "");
}

#[test]
fn a_difference_is_sorted_and_says_where() {
    let text = sums(|check| check.contains_in_any_order([pair("a", 3), pair("b", 4), pair("c", 10), pair("c", 10)]));
    assert_eq!(
        text,
        "on RUNNER:
check of `totals/sum` does not hold:
  missing:
    (\"b\", 4)
  not expected:
    (\"a\", 9)   in [1970-01-01T00:00:00.010Z, 1970-01-01T00:00:00.020Z), on-time pane 0, the only one
    (\"b\", 3)   in [1970-01-01T00:00:00Z, 1970-01-01T00:00:00.010Z), on-time pane 0, the only one
  another number of times:
    (\"c\", 10)   expected twice, came once: in [1970-01-01T00:00:00.030Z, 1970-01-01T00:00:00.040Z), on-time pane 0, the only one
  one other is the same
"
    );
}

#[test]
fn all_that_does_not_hold_is_reported() {
    let text = sums(|check| {
        check
            .in_window(window(0, 10))
            .is_map([pair("a", 4), pair("b", 3)])
            .in_window(window(20, 30))
            .in_on_time_pane()
            .equals(pair("d", 1))
            .in_pane(0)
            .satisfies(|values| assert!(values.is_empty(), "there are {}", values.len()))
    });
    assert_eq!(
        text.lines().take(12).collect::<Vec<_>>().join("\n"),
        "on RUNNER:
check of `totals/sum` does not hold:
  in window [1970-01-01T00:00:00Z, 1970-01-01T00:00:00.010Z):
    another value:
      \"a\"   expected 4, came 3 in [1970-01-01T00:00:00Z, 1970-01-01T00:00:00.010Z), on-time pane 0, the only one

  in window [1970-01-01T00:00:00.020Z, 1970-01-01T00:00:00.030Z), in the on-time pane:
    missing:
      (\"d\", 1)
    nothing came there; what came lies
      in [1970-01-01T00:00:00Z, 1970-01-01T00:00:00.010Z), pane 0 (OnTime): 2
      in [1970-01-01T00:00:00.010Z, 1970-01-01T00:00:00.020Z), pane 0 (OnTime): 1"
    );
    assert!(text.contains("in pane 0:\n    there are 4\n    the values are:\n"), "{text}");
}

#[test]
fn a_check_fails_the_run_of_any_runner() {
    for runner in Runner::ALL {
        let pipeline = Pipeline::new();
        let numbers = pipeline.create("numbers", [1, 2]);
        check(&numbers).contains_in_any_order([1, 2]);
        check(&numbers).equals(1);
        let failure = runner.run(&pipeline.graph().unwrap()).unwrap_err().to_string();
        assert!(failure.contains("writing `check numbers 2` failed"), "{failure}");
        assert!(failure.contains("not expected:\n    2"), "{failure}");
    }
}

fn panic_of(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap()
}

#[test]
fn a_check_that_cannot_fail_is_a_fault() {
    let never_run = panic_of(|| {
        let pipeline = Pipeline::new();
        check(&pipeline.create("numbers", [1])).is_empty();
    });
    assert!(
        never_run.contains("check of `numbers`") && never_run.ends_with("was never asked: run its pipeline"),
        "{never_run}"
    );
    let of_nothing = panic_of(|| {
        let test = TestPipeline::new();
        let _ = check(&test.create("numbers", [1]));
        test.run();
    });
    assert!(of_nothing.contains("expects nothing: say what it holds"), "{of_nothing}");
}

#[test]
fn a_run_that_fails_is_reported_and_not_its_checks() {
    let failure = panic_of(|| {
        let test = TestPipeline::new();
        check(&test.create("numbers", [0]).map("invert", |n| 1 / n)).is_empty();
        test.run();
    });
    assert!(failure.starts_with("transform `invert` panicked"), "{failure}");
    let failure = panic_of(|| {
        let test = TestPipeline::new();
        let numbers = test.create("numbers", [0]);
        check(&numbers.map("numbers", |n| n)).is_empty();
        test.run();
    });
    assert!(failure.starts_with("the pipeline cannot be built"), "{failure}");
}

#[test]
fn an_empty_collection_is_checked_too() {
    let failure = panic_of(|| {
        let test = TestPipeline::new();
        check(&test.create("numbers", [1]).filter("none", |_| false)).equals(1);
        test.run();
    });
    assert!(failure.contains("missing:\n    1\n"), "{failure}");
}

#[test]
fn collected_results_are_compared_between_runners() {
    let test = TestPipeline::new();
    let squares = collect(&test.create("numbers", [3, 1, 2]).map("square", |n| n * n));
    test.run();
    assert_eq!(squares.sorted(), [1, 4, 9]);
    test.run();
    assert_eq!(squares.values().len(), 3);

    let failure = panic_of(|| {
        let test = TestPipeline::on([Runner::Reference, Runner::Batch(1)]);
        let runs = test.counter("elements");
        let counted = test.create("numbers", [7]).map("count", move |n| {
            runs.increment();
            (n, runs.value())
        });
        let _counted = collect(&counted);
        test.run();
    });
    assert!(failure.starts_with("on the batch runner with 1 worker:\n`count`, collected at "), "{failure}");
    assert!(
        failure.ends_with(
            "is not the same as on the reference runner
  only in the reference runner:
    (7, 1)
  only in the batch runner with 1 worker:
    (7, 2)
"
        ),
        "{failure}"
    );
}

#[test]
fn results_are_there_after_a_run() {
    let failure = panic_of(|| drop(collect(&Pipeline::new().create("numbers", [1])).values()));
    assert_eq!(failure, "`numbers` has not been collected yet: run the pipeline first");
}
