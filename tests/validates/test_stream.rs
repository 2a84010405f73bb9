//! Scripts: late data, panes, processing time, several stages, the edges of time.

use purlin::prelude::*;
use purlin::state::{Bag, EventTimer, OutputTime};
use purlin::testing::{TestPipeline, TestStream, check};
use purlin::window::ClosingBehavior;

use crate::{at, test, window};

fn minute(n: i64) -> Timestamp {
    at(n * 60_000)
}

/// All values of each group, one by one.
fn grouped<T: Element>(values: &PCollection<T>) -> PCollection<T> {
    let name = values.pipeline().free_name("one key");
    let groups = values.map(&name, |value| ((), value)).group_by_key(&format!("group {name}"));
    groups.flat_map(&format!("ungroup {name}"), |((), values)| values)
}

#[test]
fn late_data_accumulates() {
    let test = test();
    let script = TestStream::new()
        .elements([1, 2, 3].map(|n| (n, at(0))))
        .advance_watermark(minute(6))
        .elements([4, 5].map(|n| (n, at(0))))
        .advance_watermark(minute(20))
        .elements([-1, -2, -3].map(|n| (n, at(0))))
        .advance_watermark_to_infinity();
    let trigger =
        Trigger::after_watermark().early(Trigger::after_processing_time(minutes(2))).late(Trigger::after_count(1));
    let windows = Fixed::of(minutes(5)).with().trigger(trigger).accumulating();
    let numbers = test
        .test_stream("numbers", script)
        .window(windows.allowed_lateness(minutes(5)).closing(ClosingBehavior::Always));
    let first = window(0, 300_000);
    check(&grouped(&numbers))
        .in_window(first)
        .in_final_pane()
        .contains_in_any_order([1, 2, 3, 4, 5])
        .in_window(first)
        .in_on_time_pane()
        .contains_in_any_order([1, 2, 3]);
    check(&numbers.combine_globally("sum", (Sum, Count)))
        .in_window(first)
        .contains_in_any_order([(6, 3), (15, 5), (15, 5)])
        .in_final_pane()
        .equals((15, 5));
    test.run();
}

#[test]
fn panes_by_processing_time() {
    let test = test();
    let script = TestStream::new()
        .elements([(1, at(1000)), (2, at(2000))])
        .advance_processing_time(minutes(12))
        .elements([(3, at(3000))])
        .advance_processing_time(minutes(6))
        .advance_watermark_to_infinity();
    let trigger = Trigger::after_watermark().early(Trigger::after_processing_time(minutes(5)));
    let windows = Global.with().trigger(trigger).accumulating().allowed_lateness(milliseconds(0));
    let sum = test.test_stream("numbers", script).window(windows).combine_globally("sum", Sum);
    check(&sum).in_early_pane().contains_in_any_order([3, 6]).in_on_time_pane().equals(6);
    test.run();
}

#[test]
fn early_panes_of_a_window() {
    let test = test();
    let script = [1, 2, 3].into_iter().fold(TestStream::new(), |script, n| {
        script.elements([(("key".to_string(), n), at(n * 1000))]).advance_processing_time(minutes(6))
    });
    let trigger = Trigger::after_watermark().early(Trigger::after_processing_time(minutes(5)));
    let windows = Fixed::of(minutes(30)).with().trigger(trigger).accumulating().allowed_lateness(milliseconds(0));
    let sums = test.test_stream("pairs", script).window(windows).combine_per_key("sum", Sum);
    let key = |n: i64| ("key".to_string(), n);
    check(&sums)
        .in_early_pane()
        .contains_in_any_order([key(1), key(3), key(6)])
        .in_on_time_pane()
        .contains_in_any_order([key(6)])
        .in_pane(1)
        .contains_in_any_order([key(3)]);
    test.run();
}

#[test]
fn discarded_panes_hold_each_value_once() {
    let test = test();
    let value = |text: &str, ms: i64| (text.to_string(), at(ms));
    let script = TestStream::new()
        .advance_watermark(at(0))
        .elements([value("first", 100), value("first too", 200)])
        .elements([value("on time", 500)])
        .advance_watermark(at(1000))
        .elements([value("late", 750), value("late too", 250)])
        .advance_watermark_to_infinity();
    let trigger = Trigger::after_watermark().early(Trigger::after_count(2)).late(Trigger::Never);
    let windows = Fixed::of(seconds(1)).with().trigger(trigger).discarding().allowed_lateness(seconds(5));
    let values = grouped(&test.test_stream("values", script).window(windows));
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    check(&values)
        .in_window(window(0, 1000))
        .contains_in_any_order(texts(&["first", "first too", "on time", "late", "late too"]))
        .in_early_pane()
        .contains_in_any_order(texts(&["first", "first too"]))
        .in_on_time_pane()
        .contains_in_any_order(texts(&["on time"]))
        .in_final_pane()
        .contains_in_any_order(texts(&["late", "late too"]));
    test.run();
}

#[test]
fn the_first_element_is_late() {
    let test = test();
    let script = TestStream::new()
        .advance_watermark(at(0))
        .elements([("late".to_string(), at(-1_000_000))])
        .elements([("on time".to_string(), at(100))]);
    let windows = Fixed::of(seconds(1)).with().discarding().allowed_lateness(seconds(5));
    let values = grouped(&test.test_stream("values", script).window(windows));
    check(&values).in_window(window(0, 1000)).equals("on time".to_string()).equals("on time".to_string());
    test.run();
}

#[test]
fn elements_at_the_edges_of_time() {
    let test = test();
    let script = TestStream::new()
        .elements([("first".to_string(), Timestamp::MIN)])
        .elements(["last", "last too"].map(|text| (text.to_string(), Timestamp::GLOBAL_MAX)));
    let texts = test.test_stream("texts", script).window(Fixed::of(hours(6)));
    check(&texts.combine_globally("count", Count)).satisfies(|counts| {
        let mut counts = counts.to_vec();
        counts.sort();
        assert_eq!(counts, [1, 2]);
    });
    check(&grouped(&texts).filter("last", |text| text.starts_with("last"))).satisfies(|last| assert_eq!(last.len(), 2));
    test.run();
}

#[test]
fn a_second_script_is_refused_and_bounded_collections_beside_one_are_read_first() {
    let pipeline = Pipeline::new();
    for name in ["one", "two"] {
        drop(pipeline.test_stream(name, TestStream::new().elements([(1, at(1))])));
    }
    let told = pipeline.graph().map(drop).unwrap_err().to_string();
    assert!(told.contains("transform `two`: the pipeline reads a test stream already"), "{told}");

    let test = test();
    let script = TestStream::new().elements([(1, at(5))]).advance_watermark(at(10)).elements([(2, at(15))]);
    let script = test.test_stream("numbers", script).window(Fixed::of(milliseconds(10)));
    let bounded = test.create_at("bounded", [(10, at(5)), (20, at(15))]).window(Fixed::of(milliseconds(10)));
    let sums = test.flatten("all", [script, bounded]).combine_globally("sum", Sum);
    check(&sums).contains_at([(11, at(9)), (22, at(19))]);
    test.run();
}

/// Keeps what came, and tells it at 100 s.
#[derive(Clone)]
struct Told;

impl StatefulDoFn<u8, String> for Told {
    type State = (Bag<String>, EventTimer);
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        text: String,
        (seen, timer): &mut Self::State,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        seen.add(text);
        timer.set_with_output(at(100_000), OutputTime::Usual);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u8,
        (seen, _): &mut Self::State,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(seen.take().join(","));
        Ok(())
    }
}

/// Each event runs to quiescence through all stages before the next: what the watermark makes the first stage emit reaches the second before
/// the next element does.
#[test]
fn several_stages() {
    let test = test();
    let script = TestStream::new()
        .elements([("before".to_string(), Timestamp::MIN)])
        .advance_watermark(at(0))
        .elements([("after".to_string(), at(10_000))])
        .advance_watermark_to_infinity();
    let input = test.test_stream("input", script);
    let groups = input.window(Fixed::of(seconds(1))).map("pair", |text| (text.clone(), text)).group_by_key("group");
    let upper = groups.map("upper case", |(text, _)| text.to_uppercase()).window(Global);
    let all = test.flatten("all", [input, upper]).map("one key", |text| (0_u8, text));
    check(&all.par_do_stateful("tell", Told)).equals("before,BEFORE,after,AFTER".to_string());
    test.run();
}

/// The second stage's trigger goes on by processing time (SEMANTICS §7): it fires once the first has nothing older under way.
#[test]
fn several_stages_by_processing_time() {
    let test = test();
    let script = TestStream::new()
        .elements([((1_u8, 1_i64), at(1)), ((2, 10), at(2))])
        .advance_processing_time(milliseconds(6))
        .advance_processing_time(milliseconds(1))
        .elements([((1, 100), at(3))])
        .advance_processing_time(milliseconds(6))
        .advance_processing_time(milliseconds(1));
    let trigger = Trigger::after_processing_time(milliseconds(5)).repeatedly();
    let windows = Fixed::of(seconds(1)).with().trigger(trigger).discarding().allowed_lateness(milliseconds(0));
    let sums = test.test_stream("pairs", script).window(windows).combine_per_key("first stage", Sum);
    check(&sums).in_early_pane().contains_in_any_order([(1, 1), (2, 10), (1, 100)]);
    let total = sums.map("sum", |(_, sum)| sum).combine_globally("second stage", Sum);
    check(&total).in_pane(0).equals(11).in_pane(1).equals(100).in_early_pane().contains_in_any_order([11, 100]);
    test.run();
}

#[test]
fn a_script_without_events_ends() {
    let test: TestPipeline = test();
    let numbers = test.test_stream("numbers", TestStream::<i64>::new()).window(Fixed::of(seconds(1)));
    check(&numbers.combine_globally("sum", Sum)).is_empty();
    test.run();
}
