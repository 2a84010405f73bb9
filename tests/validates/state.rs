//! State and timers beside what the suite `state` looks at: cells of every kind on bounded input, timers of two that set each other, several outputs.

use purlin::prelude::*;
use purlin::state::{Combining, EventTimer, EventTimerFamily, MapCell, MultimapCell, OrderedList, SetCell, Value};
use purlin::testing::check;
use purlin::window::Window;

use crate::{at, test, window};

fn pairs(pipeline: &Pipeline, pairs: &[(u8, i64, i64)]) -> PCollection<(u8, i64)> {
    pipeline.create_at("pairs", pairs.iter().map(|(key, n, ms)| ((*key, *n), at(*ms))).collect::<Vec<_>>())
}

/// Cells of every kind that holds several values.
#[derive(State)]
struct Collections {
    by_digit: MultimapCell<i64, i64>,
    in_order: OrderedList<i64>,
    counts: MapCell<i64, u64>,
    distinct: SetCell<i64>,
    total: Combining<Sum, i64>,
    tell: EventTimer,
}

#[derive(Clone)]
struct Collecting;

impl StatefulDoFn<u8, i64> for Collecting {
    type State = Collections;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        cells: &mut Collections,
        cx: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        cells.by_digit.add(n % 10, n);
        cells.in_order.add(cx.timestamp(), n);
        *cells.counts.get_or_insert_with(n, || 0) += 1;
        cells.distinct.insert(n);
        cells.total.add(n);
        cells.tell.set(cx.window().max_timestamp());
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        cells: &mut Collections,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        // What stands before 4 is taken out.
        cells.in_order.clear_range(..at(4));
        let in_order: Vec<_> = cells.in_order.iter().map(|(_, n)| *n).collect();
        let ones = cells.by_digit.remove(&1).len();
        let (distinct, total) = (cells.distinct.len(), cells.total.get());
        let twice = cells.counts.iter().filter(|(_, count)| **count > 1).count();
        out.emit(format!("{key}: {in_order:?}, {ones} end in 1, {distinct} distinct, {twice} twice, total {total}"));
        Ok(())
    }
}

#[test]
fn cells_of_every_kind_are_those_of_their_key_and_window() {
    let test = test();
    let elements = [(1, 11, 7), (1, 21, 6), (1, 21, 9), (2, 5, 3), (1, 31, 15)];
    let told = pairs(&test, &elements).window(Fixed::of(milliseconds(10))).par_do_stateful("collect", Collecting);
    check(&told).contains_at([
        ("1: [21, 11, 21], 3 end in 1, 2 distinct, 1 twice, total 53".to_string(), at(9)),
        ("2: [], 0 end in 1, 1 distinct, 0 twice, total 5".to_string(), at(9)),
        ("1: [31], 1 end in 1, 1 distinct, 0 twice, total 31".to_string(), at(19)),
    ]);
    test.run();
}

/// Two timers that set each other, until there is no time left in the window.
#[derive(Clone)]
struct PingPong;

impl StatefulDoFn<u8, i64> for PingPong {
    type State = (EventTimer, EventTimer);
    type Out = (Output<(u8, String)>, Output<Window>);

    fn process(
        &mut self,
        _: &u8,
        _: i64,
        (ping, _): &mut Self::State,
        cx: &StateContext,
        _: &mut Self::Out,
    ) -> Result<(), BoxError> {
        ping.set(cx.timestamp() + milliseconds(10));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        (ping, pong): &mut Self::State,
        cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let (name, other) = if ping.fired() { ("ping", pong) } else { ("pong", ping) };
        out.0.emit((*key, format!("{name} at {}", cx.firing_time().millis())));
        out.1.emit(cx.window());
        let next = cx.firing_time() + milliseconds(10);
        if next <= cx.window().max_timestamp() {
            other.set(next);
        }
        Ok(())
    }
}

#[test]
fn two_timers_that_set_each_other() {
    let test = test();
    let windowed = pairs(&test, &[(1, 0, 5), (2, 0, 82)]).window(Fixed::of(milliseconds(40)));
    let (fired, windows) = windowed.par_do_stateful("ping and pong", PingPong);
    let expected =
        [(1, "ping", 15), (1, "pong", 25), (1, "ping", 35), (2, "ping", 92), (2, "pong", 102), (2, "ping", 112)];
    check(&fired).contains_at(expected.map(|(key, name, ms)| ((key, format!("{name} at {ms}")), at(ms))));
    check(&windows)
        .in_window(window(0, 40))
        .contains_in_any_order([window(0, 40); 3])
        .in_window(window(80, 120))
        .contains_in_any_order([window(80, 120); 3]);
    test.run();
}

/// In each window of an element its own timers fire, and what they emit is in that window.
#[test]
fn timers_of_overlapping_windows() {
    let test = test();
    let sliding = Sliding::of(milliseconds(40)).every(milliseconds(20));
    let (fired, windows) = pairs(&test, &[(1, 0, 0)]).window(sliding).par_do_stateful("ping and pong", PingPong);
    let told = |name: &str, ms: i64| ((1, format!("{name} at {ms}")), at(ms));
    check(&fired).in_window(window(-20, 20)).contains_at([told("ping", 10)]).in_window(window(0, 40)).contains_at([
        told("ping", 10),
        told("pong", 20),
        told("ping", 30),
    ]);
    check(&windows).in_window(window(-20, 20)).equals(window(-20, 20));
    test.run();
}

/// Sets many timers of a family, and notes the order in which they fire.
#[derive(Clone)]
struct ManyTimers;

impl StatefulDoFn<u8, i64> for ManyTimers {
    type State = (EventTimerFamily<i64>, Value<i64>);
    type Out = Output<(i64, bool)>;

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        (timers, _): &mut Self::State,
        _: &StateContext,
        _: &mut Self::Out,
    ) -> Result<(), BoxError> {
        timers.set(n, at(1000 - n));
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u8,
        (timers, latest): &mut Self::State,
        cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let tag = *timers.fired().ok_or("a timer of the family fires")?;
        let in_order = latest.get().is_none_or(|latest| *latest < cx.firing_time().millis());
        latest.set(cx.firing_time().millis());
        out.emit((tag, in_order && cx.firing_time() == at(1000 - tag)));
        Ok(())
    }
}

/// Strictly in the order of time, on bounded input too.
#[test]
fn timers_of_a_family_fire_in_order_on_bounded_input() {
    let test = test();
    let elements: Vec<_> = (0..100_i64).flat_map(|n| (0..4_u8).map(move |key| (key, n * 37 % 100, n))).collect();
    let fired = pairs(&test, &elements).par_do_stateful("many timers", ManyTimers);
    check(&fired).contains_in_any_order((0..400).map(|n| (n / 4, true)));
    test.run();
}

/// Even numbers, odd ones, and at the window's last timestamp how many there were.
#[derive(Clone)]
struct Parted;

impl StatefulDoFn<u8, i64> for Parted {
    type State = (Combining<purlin::combine::Count, i64>, EventTimer);
    type Out = (Output<i64>, Output<i64>, Output<(u8, u64)>);

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        (count, timer): &mut Self::State,
        _: &StateContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        if n % 2 == 0 {
            out.0.emit(n)
        } else {
            out.1.emit_at(n, at(19))
        }
        count.add(n);
        timer.set_relative(hours(1));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        (count, _): &mut Self::State,
        _: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        out.2.emit((*key, count.get()));
        Ok(())
    }
}

#[test]
fn several_outputs() {
    let test = test();
    let elements = [(1, 1, 12), (1, 2, 13), (2, 4, 14), (1, 3, 15)];
    let windowed = pairs(&test, &elements).window(Fixed::of(milliseconds(10)));
    let (even, odd, counts) = windowed.par_do_stateful("part", Parted);
    check(&even).contains_at([(2, at(13)), (4, at(14))]);
    check(&odd).contains_at([(1, at(19)), (3, at(19))]);
    check(&counts).contains_at([((1, 3), at(19)), ((2, 1), at(19))]);
    test.run();
}
