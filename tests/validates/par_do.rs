//! `DoFn`s: where their outputs go and stand, and the calls they get.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use purlin::prelude::*;
use purlin::testing::{ScriptedSource, check};
use purlin::window::Window;

use crate::{RUNNERS, at, failure_in_bad, test, window};

/// Sorts numbers by what they are: six outputs, of which one gets nothing.
#[derive(Clone)]
struct Sorted;

impl DoFn<i64> for Sorted {
    type Out = (Output<i64>, Output<String>, Output<(i64, i64)>, Output<i64>, Output<Vec<i64>>, Output<()>);

    fn process(&mut self, n: i64, cx: &Context<'_>, out: &mut Self::Out) -> Result<(), BoxError> {
        out.0.emit(n);
        if n < 0 {
            out.1.emit(format!("{n} at {}", cx.timestamp().millis()));
        }
        out.2.emit((n, n * n));
        if n % 2 == 0 {
            // Several of one output, and at another time.
            out.4.emit_at(vec![n], at(100 + n));
            out.4.emit(vec![n, n]);
        }
        out.5.emit(());
        Ok(())
    }
}

#[test]
fn each_output_gets_its_own_one_of_them_nothing_and_one_is_not_used() {
    let test = test();
    let numbers = test.create_at("numbers", [-3, -2, 1, 4].map(|n| (n, at(n))));
    let (all, negative, squares, never, even, _unused) = numbers.par_do("sort", Sorted);
    check(&all).contains_at([-3, -2, 1, 4].map(|n| (n, at(n))));
    check(&negative).contains_in_any_order(["-3 at -3", "-2 at -2"].map(String::from));
    check(&squares).is_map([(-3, 9), (-2, 4), (1, 1), (4, 16)]);
    check(&never).is_empty();
    check(&even).contains_at([(vec![-2], at(98)), (vec![-2, -2], at(-2)), (vec![4], at(104)), (vec![4, 4], at(4))]);
    test.run();
}

#[test]
fn what_a_closure_emits_stands_where_its_element_stood() {
    let test = test();
    let lines = [("to be", 1), ("", 2), ("or not", 13)].map(|(line, t)| (line.to_string(), at(t)));
    let lines = test.create_at("lines", lines);
    let words = lines.window(Fixed::of(milliseconds(10))).emit_each("words", |line, out| {
        out.extend(line.split(' ').map(CompactString::from).filter(|word| !word.is_empty()));
        if line.is_empty() {
            out.emit("nothing".into());
        }
    });
    let told = words.map_in("tell", |word, at| (word.to_string(), at.timestamp, at.window));
    let words = [("to", 1, 0), ("be", 1, 0), ("nothing", 2, 0), ("or", 13, 10), ("not", 13, 10)];
    check(&told).contains_in_any_order(words.map(|(word, t, begin)| (word.into(), at(t), window(begin, begin + 10))));
    test.run();
}

#[test]
fn only_a_later_output_is_used() {
    let test = test();
    let numbers = test.create_at("numbers", [-3, 2].map(|n| (n, at(n))));
    let (.., squares, _, _, _) = numbers.par_do("sort", Sorted);
    check(&squares).is_map([(-3, 9), (2, 4)]);
    test.run();
}

#[test]
fn outputs_of_outputs() {
    let test = test();
    let numbers = test.create_at("numbers", (-5..5).map(|n| (n, at(n))));
    let (all, _, squares, ..) = numbers.par_do("first", Sorted);
    let (_, negative, _, _, even, _) = all.par_do("second", Sorted);
    let (.., ones) = squares.map("square", |(_, square)| square).par_do("third", Sorted);
    check(&negative.combine_globally("count negative", Count)).equals(5);
    check(&even.combine_globally("count even", Count)).equals(10);
    check(&ones.combine_globally("count all", Count)).equals(10);
    test.run();
}

/// Emits each number later, earlier, and where it stands.
#[derive(Clone)]
struct Shift;

impl DoFn<i64> for Shift {
    type Out = (Output<i64>, Output<i64>);

    fn process(&mut self, n: i64, cx: &Context<'_>, out: &mut Self::Out) -> Result<(), BoxError> {
        out.0.emit_at(n, cx.timestamp() + milliseconds(1000));
        out.0.emit(n);
        out.1.emit_at(n, cx.timestamp() - milliseconds(1000));
        Ok(())
    }
}

/// The element's window stays what it was; windows are assigned by timestamp only where they are asked for.
#[test]
fn outputs_at_other_timestamps() {
    let test = test();
    let numbers = test.create_at("numbers", [(1, at(10)), (2, at(20))]).window(Fixed::of(milliseconds(100)));
    let (later, earlier) = numbers.par_do("shift", Shift);
    check(&later).in_window(window(0, 100)).contains_at([(1, at(10)), (1, at(1010)), (2, at(20)), (2, at(1020))]);
    check(&earlier).in_window(window(0, 100)).contains_at([(1, at(-990)), (2, at(-980))]);
    let sums = test.flatten("all", [later, earlier]).window(Fixed::of(milliseconds(50))).combine_globally("sum", Sum);
    check(&sums).contains_at([(3, at(-951)), (3, at(49)), (3, at(1049))]);
    test.run();
}

/// Emits at a timestamp that no element may have.
#[derive(Clone)]
struct Beyond(Timestamp);

impl DoFn<i64> for Beyond {
    type Out = Output<i64>;

    fn process(&mut self, n: i64, _: &Context<'_>, out: &mut Output<i64>) -> Result<(), BoxError> {
        out.emit_at(n, self.0);
        Ok(())
    }
}

#[test]
fn a_timestamp_that_no_element_may_have_fails() {
    for beyond in [Timestamp::MAX, Timestamp::GLOBAL_MAX + milliseconds(1), Timestamp::from_millis(i64::MIN)] {
        let told = failure_in_bad(|pipeline| pipeline.create("numbers", [1]).par_do("bad", Beyond(beyond)));
        assert!(told.contains(&format!("it emitted at {} ms", beyond.millis())), "{told}");
    }
}

/// Sums up each window of a bundle, and emits the sums when it has ended.
#[derive(Clone, Default)]
struct SumOfBundle {
    sums: BTreeMap<Window, i64>,
}

impl DoFn<i64> for SumOfBundle {
    type Out = (Output<i64>, Output<u64>);

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        assert!(self.sums.is_empty(), "bundles do not overlap");
        Ok(())
    }

    fn process(&mut self, n: i64, cx: &Context<'_>, _: &mut Self::Out) -> Result<(), BoxError> {
        *self.sums.entry(cx.window()).or_default() += n;
        Ok(())
    }

    fn finish_bundle(&mut self, out: &mut Self::Out) -> Result<(), BoxError> {
        for (window, sum) in std::mem::take(&mut self.sums) {
            out.0.emit_in(sum, window.max_timestamp(), window);
            out.1.emit_in(1, window.start, window);
        }
        Ok(())
    }
}

#[test]
fn what_finish_bundle_emits_is_in_the_window_that_it_says() {
    let test = test();
    let numbers = (0..200_i64).map(|n| (n, at(n))).collect::<Vec<_>>();
    let halves = numbers.chunks(100).map(<[_]>::to_vec).collect::<Vec<_>>();
    let numbers = test.read("numbers", ScriptedSource::new(halves).bundles_of(7).moving_watermark(true));
    let (sums, bundles) = numbers.window(Fixed::of(milliseconds(50))).par_do("sums of bundles", SumOfBundle::default());
    let totals = sums.combine_globally("total", Sum);
    check(&totals).contains_at([0, 50, 100, 150].map(|start| ((start..start + 50).sum(), at(start + 49))));
    let bundles = bundles.combine_globally("bundles", Sum);
    for start in [0, 50, 100, 150] {
        check(&bundles).in_window(window(start, start + 50)).satisfies(|counts| {
            assert!(matches!(counts, [1..=50]), "{counts:?}");
        });
    }
    test.run();
}

#[test]
fn an_element_of_several_windows_is_processed_in_each() {
    let test = test();
    let numbers = test.create_at("numbers", [(1, at(5)), (2, at(12))]);
    let sliding = numbers.window(Sliding::of(milliseconds(10)).every(milliseconds(5)));
    let (sums, _) = sliding.par_do("sums of bundles", SumOfBundle::default());
    let sums = sums.combine_globally("sum", Sum);
    check(&sums).contains_at([(1, at(9)), (3, at(14)), (2, at(19))]);
    check(&sums).in_window(window(5, 15)).equals(3);
    test.run();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Setup,
    Start,
    Process,
    Finish,
    Teardown,
}

/// Notes the calls of each instance.
#[derive(Clone, Default)]
struct Noting {
    instances: Arc<AtomicUsize>,
    calls: Arc<Mutex<BTreeMap<usize, Vec<Call>>>>,
    instance: Option<usize>,
}

impl Noting {
    fn note(&self, call: Call) {
        let instance = self.instance.expect("setup comes first");
        self.calls.lock().unwrap().entry(instance).or_default().push(call);
    }
}

impl DoFn<i64> for Noting {
    type Out = Output<i64>;

    fn setup(&mut self) -> Result<(), BoxError> {
        assert_eq!(self.instance, None, "setup comes once");
        self.instance = Some(self.instances.fetch_add(1, Ordering::Relaxed));
        self.note(Call::Setup);
        Ok(())
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.note(Call::Start);
        Ok(())
    }

    fn process(&mut self, n: i64, _: &Context<'_>, out: &mut Output<i64>) -> Result<(), BoxError> {
        self.note(Call::Process);
        out.emit(n);
        Ok(())
    }

    fn finish_bundle(&mut self, _: &mut Output<i64>) -> Result<(), BoxError> {
        self.note(Call::Finish);
        Ok(())
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.note(Call::Teardown);
        Ok(())
    }
}

/// Setup, then bundles of start, elements, finish; then teardown (SEMANTICS §10).
fn is_a_life(calls: &[Call]) -> bool {
    let [Call::Setup, bundles @ .., Call::Teardown] = calls else { return false };
    let mut is_open = false;
    bundles.iter().all(|call| {
        let fits = match call {
            Call::Start => !is_open,
            Call::Process | Call::Finish => is_open,
            Call::Setup | Call::Teardown => false,
        };
        is_open = *call != Call::Finish;
        fits
    }) && !is_open
}

#[test]
fn every_instance_is_called_in_order() {
    for runner in RUNNERS {
        let (pipeline, noting) = (Pipeline::new(), Noting::default());
        let numbers = pipeline.read("numbers", MemorySource::new(0..100_i64).split_into(3).bundles_of(10));
        numbers.par_do("note", noting.clone()).write("results", MemorySink::new().sink());
        runner.run(&pipeline.graph().unwrap()).unwrap();
        let calls = noting.calls.lock().unwrap();
        assert!(calls.values().all(|calls| is_a_life(calls)), "{runner}: {calls:?}");
        let count = |call| calls.values().flatten().filter(|each| **each == call).count();
        assert_eq!(count(Call::Process), 100, "{runner}");
        assert!(count(Call::Start) >= calls.values().filter(|calls| calls.contains(&Call::Process)).count());
        assert_eq!(count(Call::Teardown), noting.instances.load(Ordering::Relaxed), "{runner}");
    }
}
