//! Checks of panes and collected results behind a `TestStream`: the same on every runner.

use purlin::prelude::*;
use purlin::testing::{Runner, TestPipeline, TestStream, check, collect};
use purlin::window::Window;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Two elements before the end of [0, 10), one after it, one in the next window.
fn events() -> TestStream<i64> {
    TestStream::new()
        .elements([(1, at(3))])
        .elements([(2, at(7))])
        .advance_watermark(at(10))
        .elements([(4, at(8))])
        .elements([(8, at(11))])
        .advance_watermark_to_infinity()
}

/// Accumulating sums per 10 ms: early with every element, on time, and late.
fn sums(numbers: PCollection<i64>) -> PCollection<i64> {
    let trigger = Trigger::after_watermark().early(Trigger::after_count(1)).late(Trigger::after_count(1));
    let windows = Fixed::of(milliseconds(10)).with().trigger(trigger).allowed_lateness(milliseconds(100));
    numbers.window(windows.accumulating()).combine_globally("sum", Sum)
}

const FIRST: Window = Window { start: Timestamp::from_millis(0), end: Timestamp::from_millis(10), tag: 0 };

#[test]
fn each_pane_is_told_from_the_others() {
    let test = TestPipeline::on(Runner::ALL);
    let sums = sums(test.test_stream("events", events()));
    check(&sums)
        .in_window(FIRST)
        .in_early_pane()
        .contains_in_any_order([1, 3])
        .in_window(FIRST)
        .in_on_time_pane()
        .equals(3)
        .in_window(FIRST)
        .in_late_pane()
        .equals(7)
        .in_pane(1)
        .in_window(FIRST)
        .equals(3)
        .in_window(FIRST)
        .contains_in_any_order([1, 3, 3, 7])
        .in_early_pane()
        .contains_in_any_order([1, 3, 8]);
    let collected = collect(&sums);
    test.run();
    assert_eq!(collected.values().len(), 6);
}

#[test]
fn a_wrong_pane_is_told() {
    for runner in Runner::ALL {
        let test = TestPipeline::on([runner]);
        check(&sums(test.test_stream("events", events()))).in_window(FIRST).in_on_time_pane().equals(7);
        let failure = test.try_run().unwrap_err().to_string();
        let expected = "\
does not hold:
  in window [1970-01-01T00:00:00Z, 1970-01-01T00:00:00.010Z), in the on-time pane:
    missing:
      7
    not expected:
      3   in [1970-01-01T00:00:00Z, 1970-01-01T00:00:00.010Z), on-time pane 2 (non-speculative 0)
";
        assert!(failure.ends_with(expected), "{runner}: {failure}");
    }
}

#[test]
fn processing_time_is_the_scripts() {
    let test = TestPipeline::new();
    let events = TestStream::new()
        .elements([(1, at(1)), (2, at(2))])
        .advance_processing_time(seconds(11))
        .elements([(4, at(3))])
        .advance_watermark_to_infinity();
    let trigger = Trigger::after_watermark().early(Trigger::after_processing_time(seconds(10)));
    let windows = Fixed::of(minutes(1)).with().trigger(trigger).allowed_lateness(seconds(0)).discarding();
    let sums = test.test_stream("events", events).window(windows).combine_globally("sum", Sum);
    check(&sums).in_early_pane().equals(3).in_final_pane().equals(4);
    test.run();
}
