//! What comes out, on every runner.

use std::sync::atomic::Ordering;

use purlin::prelude::*;
use purlin::testing::proptest::prelude::*;
use purlin::testing::{TestPipeline, TestStream, check, equivalence};
use purlin_tests::Runner;

use crate::service::Service;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Elements of 1000 bundles and several splits.
fn numbers(pipeline: &Pipeline) -> PCollection<i64> {
    pipeline.read("numbers", MemorySource::new(0..3_000).split_into(3).bundles_of(100))
}

#[test]
fn every_element_is_answered_once_within_the_capacity() {
    for runner in Runner::ALL {
        for ordered in [false, true] {
            let service = Service::slow(milliseconds(1));
            let options = AsyncOptions::new().capacity(50);
            let options = if ordered { options.ordered() } else { options };
            let (pipeline, results) = (Pipeline::new(), MemorySink::new());
            numbers(&pipeline).par_do_async("ask", service.clone(), options).write("results", results.sink());
            runner.run(&pipeline.graph().unwrap()).unwrap_or_else(|failure| panic!("{runner}: {failure}"));
            let mut results = results.take();
            results.sort_unstable();
            assert_eq!(results, (0..3_000).filter_map(Service::answer).collect::<Vec<_>>(), "{runner}");
            assert_eq!(service.attempts_each(), 1, "{runner}");
            let most = service.most_under_way();
            let some = if runner == Runner::Reference { 1 } else { 2 };
            assert!(most >= some && most <= 50 * runner.workers(), "{runner}: {most} at a time");
            let [set_up, torn_down] = [&service.set_up, &service.torn_down].map(|count| count.load(Ordering::Relaxed));
            assert!(set_up > 0 && set_up == torn_down, "{runner}: {set_up} set up, {torn_down} torn down");
        }
    }
}

#[test]
fn ordered_results_keep_the_order_of_a_worker() {
    for runner in [Runner::Reference, Runner::Batch(1), Runner::Stream(1)] {
        let service = Service::slow(milliseconds(1));
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let options = AsyncOptions::new().capacity(7).ordered();
        let numbers = pipeline.read("numbers", MemorySource::new(0..300).bundles_of(20));
        numbers.par_do_async("ask", service, options).write("results", results.sink());
        runner.run(&pipeline.graph().unwrap()).unwrap();
        assert_eq!(results.take(), (0..300).filter_map(Service::answer).collect::<Vec<_>>(), "{runner}");
    }
}

#[test]
fn results_stand_where_their_element_stands() {
    let test = TestPipeline::new();
    let events = TestStream::new()
        .elements([(1, at(500)), (2, at(1_500)), (10, at(1_600))])
        .advance_watermark(at(1_000))
        .elements([(3, at(1_999)), (4, at(999))])
        .advance_watermark(at(2_000))
        .elements([(5, at(1_001))]);
    let late = Trigger::after_watermark().late(Trigger::after_count(1));
    let windows = Fixed::of(seconds(1)).with().trigger(late).allowed_lateness(minutes(1)).discarding();
    let answers =
        test.test_stream("events", events).window(windows).par_do_async("ask", Service::default(), AsyncOptions::new());
    let sums = answers.combine_globally("sum", Sum);
    check(&sums).in_on_time_pane().contains_in_any_order([10, 50]);
    check(&sums).in_late_pane().contains_in_any_order([40, 50]);
    test.run();
}

#[test]
fn however_it_is_run_the_results_are_the_same() {
    let number = (0..100_i64, 0..5_000_i64).prop_map(|(n, ms)| (n, at(ms)));
    let ordered = AsyncOptions::new().ordered().capacity(3);
    equivalence(number, move |numbers| {
        let asked = numbers.par_do_async("ask", Service::default(), ordered.clone());
        let sums = asked.window(Fixed::of(seconds(1))).key_by("digit", |n| n / 10 % 7).combine_per_key("sum", Sum);
        sums.map_async("again", |(key, sum)| async move { Ok::<_, BoxError>((key, sum + 1)) }, AsyncOptions::new())
    })
    .keyed_by(|(key, _)| *key)
    .check();
}

#[test]
fn calls_are_explained() {
    let pipeline = Pipeline::new();
    let options = AsyncOptions::new().capacity(9).timeout(seconds(3));
    let asked = pipeline.create("numbers", [1]).par_do_async("ask", Service::default(), options);
    asked.write("results", MemorySink::new());
    let graph = pipeline.graph().unwrap();
    let line = "calls    ask: up to 9 at a time, in any order; 3s for an answer, one attempt, per worker";
    for plan in [BatchRunner::new().plan(graph.clone()), StreamRunner::new().plan(graph)] {
        assert!(plan.explain().contains(line), "{}", plan.explain());
    }
}
