//! Windowing: which windows elements get, users' own functions, and what re-windowing changes.

use purlin::prelude::*;
use purlin::testing::{TestStream, check};
use purlin::window::{Merged, Window, WindowSet};

use crate::{at, test, window};

fn numbers(pipeline: &Pipeline, elements: &[i64]) -> PCollection<i64> {
    pipeline.create_at("numbers", elements.iter().map(|ms| (*ms, at(*ms))).collect::<Vec<_>>())
}

#[test]
fn partitioning_windows() {
    let test = test();
    let counts = numbers(&test, &[-11, -10, -1, 0, 9, 10, 25])
        .window(Fixed::of(milliseconds(10)))
        .combine_globally("count", Count);
    check(&counts).contains_at([(1, at(-11)), (2, at(-1)), (2, at(9)), (1, at(19)), (1, at(29))]);
    let offset = Fixed::of(milliseconds(10)).offset(milliseconds(5));
    let counts = numbers_again(&test, &[-6, -5, 4, 5]).window(offset).combine_globally("count with offset", Count);
    check(&counts).contains_at([(1, at(-6)), (2, at(4)), (1, at(14))]);
    test.run();
}

fn numbers_again(pipeline: &Pipeline, elements: &[i64]) -> PCollection<i64> {
    pipeline.create_at("numbers again", elements.iter().map(|ms| (*ms, at(*ms))).collect::<Vec<_>>())
}

#[test]
fn overlapping_and_gapped_windows() {
    let test = test();
    let numbers = numbers(&test, &[1, 2, 7]);
    let sliding = numbers.window(Sliding::of(milliseconds(10)).every(milliseconds(5)));
    check(&sliding).contains_in_any_order([1, 1, 2, 2, 7, 7]);
    check(&sliding.combine_globally("sums", Sum)).contains_at([(3, at(4)), (10, at(9)), (7, at(14))]);
    // Between the windows nothing is kept.
    let gapped = numbers.window(Sliding::of(milliseconds(2)).every(milliseconds(5)));
    check(&gapped).in_window(window(0, 2)).equals(1).contains_in_any_order([1]);
    test.run();
}

#[test]
fn merging_windows() {
    let test = test();
    let sums = numbers(&test, &[1, 2, 12, 30]).window(Sessions::of(milliseconds(10))).combine_globally("sum", Sum);
    // 2 + 10 touches 12 and does not overlap it.
    check(&sums)
        .in_window(window(1, 12))
        .equals(3)
        .in_window(window(12, 22))
        .equals(12)
        .in_window(window(30, 40))
        .equals(30);
    check(&sums).contains_at([(3, at(11)), (12, at(21)), (30, at(39))]);
    test.run();
}

/// Every element in a window of 10 ms, and in one of 30 ms.
#[derive(Debug)]
struct TwoSizes;

impl WindowFn for TwoSizes {
    fn name(&self) -> String {
        "two sizes".into()
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        let start = at.millis().div_euclid(10) * 10;
        window(start, start + 10).into()
    }

    fn assign_many(&self, at: Timestamp, into: &mut Vec<Window>) -> bool {
        let start = at.millis().div_euclid(30) * 30;
        into.extend([self.assign(at).first(), window(start, start + 30)]);
        true
    }
}

/// Windows of 5 ms from each element; those that begin in the same 20 ms become one window, of these 20 ms.
#[derive(Debug)]
struct InSameTwenty;

impl WindowFn for InSameTwenty {
    fn name(&self) -> String {
        "in the same 20 ms".into()
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        Window::new(at, at + milliseconds(5)).into()
    }

    fn is_merging(&self) -> bool {
        true
    }

    fn merge(&self, windows: &[Window]) -> Vec<Merged> {
        let twenty = |window: &Window| window.start.millis().div_euclid(20) * 20;
        let parts = windows.chunk_by(|a, b| twenty(a) == twenty(b)).filter(|parts| parts.len() > 1);
        parts
            .map(|parts| {
                let start = twenty(&parts[0]);
                Merged { result: window(start, start + 25), parts: parts.to_vec() }
            })
            .collect()
    }
}

#[test]
fn users_own_windows() {
    let test = test();
    let sums = numbers(&test, &[1, 5, 12, 31]).window(TwoSizes).combine_globally("sum", Sum);
    check(&sums)
        .in_window(window(0, 10))
        .equals(6)
        .in_window(window(10, 20))
        .equals(12)
        .in_window(window(0, 30))
        .equals(18)
        .in_window(window(30, 60))
        .equals(31)
        .contains_in_any_order([6, 12, 18, 31, 31]);
    test.run();
}

#[test]
fn users_own_merging_windows() {
    let test = test();
    let pairs = [((1_u8, 1_i64), 1), ((1, 2), 16), ((2, 4), 3), ((1, 8), 21), ((2, 16), 39)];
    let pairs = test.create_at("pairs", pairs.map(|(pair, ms)| (pair, at(ms))));
    let sums = pairs.window(InSameTwenty).combine_per_key("sum", Sum);
    check(&sums)
        .in_window(window(0, 25))
        .is_map([(1, 3)])
        .in_window(window(3, 8))
        .is_map([(2, 4)])
        .in_window(window(21, 26))
        .is_map([(1, 8)])
        .in_window(window(39, 44))
        .is_map([(2, 16)]);
    test.run();
}

/// The same with panes: what has been emitted goes into the window that merges it, too.
#[test]
fn users_own_merging_windows_with_panes() {
    let test = test();
    let script =
        TestStream::new().elements([((1_u8, 1_i64), at(1))]).elements([((1, 2), at(16))]).advance_watermark(at(30));
    let often = Trigger::after_watermark().early(Trigger::after_count(1));
    let windows = InSameTwenty.with().trigger(often).accumulating().allowed_lateness(milliseconds(0));
    let sums = test.test_stream("pairs", script).window(windows).combine_per_key("sum", Sum);
    check(&sums)
        .in_window(window(1, 6))
        .is_map([(1, 1)])
        .in_window(window(0, 25))
        .in_early_pane()
        .is_map([(1, 3)])
        .in_window(window(0, 25))
        .in_on_time_pane()
        .is_map([(1, 3)]);
    test.run();
}

#[test]
fn windows_by_element() {
    let test = test();
    let stays = test.create_at("stays", [(5_i64, at(0)), (20, at(3)), (1, at(30))]);
    let windowed = stays.window_by("as long as it says", purlin::window::ByElement::named("stays"), |stay, place| {
        [Window::new(place.timestamp, place.timestamp + milliseconds(*stay as u64))]
    });
    let sums = windowed.combine_globally("sum", Sum);
    check(&sums).contains_at([(5, at(4)), (20, at(22)), (1, at(30))]);
    test.run();
}

/// Setting trigger, lateness or mode leaves windows alone; a new function assigns them anew, by the timestamps that elements have by then.
#[test]
fn windowing_again() {
    let test = test();
    let sums = numbers(&test, &[1, 2, 12]).window(Fixed::of(milliseconds(10))).combine_globally("sum", Sum);
    let kept = sums.window(WindowSpec::unchanged().allowed_lateness(milliseconds(7)).discarding());
    check(&kept).in_window(window(0, 10)).equals(3).in_window(window(10, 20)).equals(12);
    check(&kept.combine_globally("once more", Sum)).contains_at([(3, at(9)), (12, at(19))]);
    // The sums stand at 9 and 19.
    check(&sums.window(Fixed::of(milliseconds(6))).combine_globally("anew", Sum))
        .contains_at([(3, at(11)), (12, at(23))]);
    check(&sums.window(Global).combine_globally("all", Sum)).equals(15);
    test.run();
}

#[test]
fn timestamps_that_change_leave_windows_alone() {
    let test = test();
    let numbers = numbers(&test, &[1, 2, 12]).window(Fixed::of(milliseconds(10)));
    let moved = numbers.with_timestamps("later", |n| at(*n + 100));
    check(&moved).in_window(window(0, 10)).contains_at([(1, at(101)), (2, at(102))]);
    let sums = moved.window(Fixed::of(milliseconds(10))).combine_globally("sum", Sum);
    check(&sums).contains_at([(3, at(109)), (12, at(119))]);
    test.run();
}
