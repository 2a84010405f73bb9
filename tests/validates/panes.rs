//! Panes: what each is called, and that transforms hand it on (SEMANTICS §6).

use purlin::prelude::*;
use purlin::testing::{TestStream, check};
use purlin::window::{ClosingBehavior, OnTimeBehavior};
use purlin::{Pane, Timing};

use crate::{at, test};

/// Value, timing, index, index among those that are not early, whether first and last.
type Told = (i64, Timing, u64, i64, bool, bool);

fn told(values: &PCollection<i64>, name: &str) -> PCollection<Told> {
    values.map_in(name, |value, at| {
        let Pane { timing, index, nonspeculative_index, first, last } = at.pane;
        (value, timing, index, nonspeculative_index, first, last)
    })
}

fn script() -> TestStream<i64> {
    TestStream::new()
        .elements([(1, at(1))])
        .elements([(2, at(2))])
        .advance_watermark(at(10))
        .elements([(4, at(3))])
        .advance_watermark(at(15))
        .elements([(8, at(4))])
        .advance_watermark(at(30))
}

fn windows(early: u64) -> WindowSpec {
    let trigger = Trigger::after_watermark().early(Trigger::after_count(early)).late(Trigger::after_count(1));
    Fixed::of(milliseconds(10)).with().trigger(trigger).allowed_lateness(milliseconds(20))
}

#[test]
fn what_was_never_grouped_and_what_comes_once() {
    let test = test();
    let numbers = test.create_at("numbers", [(1_i64, at(1)), (2, at(12))]).window(Fixed::of(milliseconds(10)));
    check(&told(&numbers, "ungrouped")).contains_in_any_order([1, 2].map(|n| (n, Timing::Unknown, 0, 0, true, true)));
    let sums = numbers.combine_globally("sum", Sum);
    check(&told(&sums, "grouped")).contains_in_any_order([1, 2].map(|n| (n, Timing::OnTime, 0, 0, true, true)));
    test.run();
}

#[test]
fn early_on_time_and_late() {
    let test = test();
    let sums = test.test_stream("numbers", script()).window(windows(1).accumulating()).combine_globally("sum", Sum);
    check(&told(&sums, "tell")).contains_in_any_order([
        (1, Timing::Early, 0, -1, true, false),
        (3, Timing::Early, 1, -1, false, false),
        (3, Timing::OnTime, 2, 0, false, false),
        (7, Timing::Late, 3, 1, false, false),
        (15, Timing::Late, 4, 2, false, false),
    ]);
    test.run();
}

#[test]
fn panes_without_new_elements_come_where_they_are_asked_for() {
    let test = test();
    let numbers = test.test_stream("numbers", script());
    let none = windows(1).discarding().on_time(OnTimeBehavior::IfNonEmpty);
    let all = windows(1).discarding().on_time(OnTimeBehavior::Always).closing(ClosingBehavior::Always);
    let none = numbers.window(none).combine_globally("sum", Sum);
    check(&told(&none, "tell")).contains_in_any_order([
        (1, Timing::Early, 0, -1, true, false),
        (2, Timing::Early, 1, -1, false, false),
        (4, Timing::Late, 2, 0, false, false),
        (8, Timing::Late, 3, 1, false, false),
    ]);
    let all = numbers.window(all).combine_globally("sum with all", Sum);
    check(&told(&all, "tell all")).contains_in_any_order([
        (1, Timing::Early, 0, -1, true, false),
        (2, Timing::Early, 1, -1, false, false),
        (0, Timing::OnTime, 2, 0, false, false),
        (4, Timing::Late, 3, 1, false, false),
        (8, Timing::Late, 4, 2, false, false),
        (0, Timing::Late, 5, 3, false, true),
    ]);
    test.run();
}

/// Element-wise transforms hand panes on; the next grouping numbers its own.
#[test]
fn panes_downstream() {
    let test = test();
    let sums = test.test_stream("numbers", script()).window(windows(2).accumulating()).combine_globally("sum", Sum);
    let kept = sums.map("negate", |n| -n).filter("all", |_| true).flat_map("each", |n| [n]).reshuffle();
    let early = (-3, Timing::Early, 0, -1, true, false);
    let rest = [
        (-3, Timing::OnTime, 1, 0, false, false),
        (-7, Timing::Late, 2, 1, false, false),
        (-15, Timing::Late, 3, 2, false, false),
    ];
    check(&told(&kept, "tell")).contains_in_any_order([early].into_iter().chain(rest));
    // Its early trigger is AfterCount(1): the on-time pane comes before the watermark does, and makes an early one.
    let again = kept.combine_globally("count panes", Count).map("as number", |count| count as i64);
    check(&told(&again, "tell again")).contains_in_any_order([
        (1, Timing::Early, 0, -1, true, false),
        (2, Timing::Early, 1, -1, false, false),
        (2, Timing::OnTime, 2, 0, false, false),
        (3, Timing::Late, 3, 1, false, false),
        (4, Timing::Late, 4, 2, false, false),
    ]);
    test.run();
}
