//! `wait_on`: each window of the main input waits for the signal's window that belongs to it to close.

use purlin::prelude::*;
use purlin::testing::{TestStream, check};

use crate::{at, test};

/// Elements of the main input at 5, 15 and 25, signals at 5 and 25; then the watermark goes on in steps of 10.
fn script() -> TestStream<(char, i64)> {
    let elements = [('m', 5), ('m', 15), ('m', 25), ('s', 5), ('s', 25)].map(|(kind, ms)| ((kind, ms), at(ms)));
    (1..=5).fold(TestStream::new().elements(elements), |script, step| script.advance_watermark(at(step * 10)))
}

/// For each element (and window) of the main input the number of the event with which it came: 0 with the elements, n with the watermark's step
/// to 10·n, 6 with its step to the end of time.
fn waited(
    pipeline: &Pipeline,
    main: impl Into<WindowSpec>,
    signal: impl Into<WindowSpec>,
) -> PCollection<(i64, usize)> {
    let script = script();
    let under_way = script.under_way();
    let all = pipeline.test_stream("script", script);
    let signals = all.filter("signals", |(kind, _)| *kind == 's').window(signal);
    let main = all.filter("main", |(kind, _)| *kind == 'm').map("time", |(_, ms)| ms).window(main);
    main.wait_on("wait", &signals).map("came", move |ms| (ms, under_way.number()))
}

#[track_caller]
fn check_waits(main: impl Into<WindowSpec>, signal: impl Into<WindowSpec>, expected: &[(i64, usize)]) {
    let test = test();
    check(&waited(&test, main, signal)).contains_in_any_order(expected.to_vec());
    test.run();
}

fn fixed(ms: u64) -> Fixed {
    Fixed::of(milliseconds(ms))
}

/// Into the second window comes no signal: it is waited for all the same.
#[test]
fn in_the_same_windows() {
    check_waits(fixed(10), fixed(10), &[(5, 1), (15, 2), (25, 3)]);
}

#[test]
fn with_allowed_lateness() {
    let late = fixed(10).with().allowed_lateness(milliseconds(10)).discarding();
    check_waits(fixed(10), late, &[(5, 2), (15, 3), (25, 4)]);
}

#[test]
fn in_larger_and_in_smaller_windows() {
    check_waits(fixed(10), fixed(20), &[(5, 2), (15, 2), (25, 4)]);
    check_waits(fixed(20), fixed(10), &[(5, 2), (15, 2), (25, 4)]);
}

/// Of sliding signal windows the earliest is waited for that holds the main window's last timestamp.
#[test]
fn in_sliding_windows() {
    let sliding = || Sliding::of(milliseconds(20)).every(milliseconds(10));
    check_waits(fixed(10), sliding(), &[(5, 1), (15, 2), (25, 3)]);
    check_waits(sliding(), fixed(10), &[(5, 1), (5, 2), (15, 2), (15, 3), (25, 3), (25, 4)]);
}

#[test]
fn sessions_wait_for_windows_that_are_known() {
    // Each element's own session of 10 ms; its last timestamp lies in the next window of the signal.
    check_waits(Sessions::of(milliseconds(10)), fixed(10), &[(5, 2), (15, 3), (25, 4)]);
}

/// What was written in order and waited for comes at last, and once.
#[test]
fn for_a_bounded_signal_in_the_global_window() {
    let test = test();
    let signals = test.create("signals", 0..1000_i64).map("work", |n| n);
    let numbers = test.create("numbers", 0..100_i64);
    check(&numbers.wait_on("all work", &signals)).contains_in_any_order(0..100);
    let done = numbers.wait_on("work first", &signals).wait_on("and again", &signals);
    check(&done.combine_globally("count", Count)).equals(100);
    test.run();
}
