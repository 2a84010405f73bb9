//! Work with an end.

use purlin::prelude::*;
use purlin::split::{Continuation, Monotonic, Offsets, SplitWork, SplittableDoFn};
use purlin_tests::Runner;

use crate::numbers::Numbers;

const RUNNERS: [Runner; 5] =
    [Runner::Reference, Runner::Batch(1), Runner::Batch(3), Runner::Stream(1), Runner::Stream(3)];

fn outcome(numbers: Numbers, spans: &[(u64, Option<u64>)], runner: Runner) -> Vec<u64> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    let spans = pipeline.create_at("spans", spans.iter().map(|span| (*span, Timestamp::from_millis(0))));
    spans.par_do_splittable("numbers", numbers).write("results", results.sink());
    runner.run(&pipeline.graph().expect("it is sound")).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
    let mut numbers = results.take();
    numbers.sort_unstable();
    numbers
}

#[test]
fn each_part_is_done_once_however_often_it_is_interrupted() {
    // Claims are interrupted after some thousands; equal spans are equal parts.
    for part in [7_000, 35_000, u64::MAX] {
        let numbers = Numbers { part, at_a_time: 1, truncated_at: None };
        let spans = [(0, Some(30_000)), (5, Some(5)), (100, Some(130)), (100, Some(130))];
        let expected = spans.iter().flat_map(|(start, end)| *start..end.unwrap_or(*start));
        let mut expected: Vec<u64> = expected.collect();
        expected.sort_unstable();
        for runner in RUNNERS {
            assert!(outcome(numbers.clone(), &spans, runner) == expected, "{runner:?}, parts of {part}");
        }
    }
}

#[test]
fn work_without_an_end_is_truncated_where_an_end_is_needed() {
    let spans = [(0, None), (10, Some(20))];
    for runner in [Runner::Reference, Runner::Batch(2)] {
        let cut = Numbers { part: u64::MAX, at_a_time: 3, truncated_at: Some(8) };
        assert_eq!(outcome(cut, &spans, runner), (0..8).chain(10..20).collect::<Vec<_>>(), "{runner:?}");
        let left = Numbers { part: u64::MAX, at_a_time: 3, truncated_at: None };
        assert_eq!(outcome(left, &spans, runner), (10..20).collect::<Vec<_>>(), "{runner:?}");
    }
}

#[test]
fn how_far_it_has_come_stands_in_metrics() {
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let numbers = Numbers { part: 25_000, at_a_time: 1, truncated_at: None };
        let spans = pipeline.create("spans", [(0, Some(60_000)), (7, Some(10)), (5, Some(5))]);
        spans.par_do_splittable("numbers", numbers.clone()).write("results", results.sink());
        runner.run(&pipeline.graph().expect("it is sound")).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let (done, remaining) = (pipeline.counter("numbers: done"), pipeline.gauge("numbers: remaining"));
        assert_eq!((done.committed(), remaining.committed()), (60_003, 0), "{runner:?}");
        assert_eq!(results.take().len(), 60_003);
    }
}

#[derive(Clone)]
struct GivesUp;

impl SplittableDoFn<u64> for GivesUp {
    type Restriction = Offsets;
    type Estimator = Monotonic;
    type Out = u64;

    fn restriction(&self, end: &u64) -> Result<Offsets, BoxError> {
        if *end == 0 { Err("there is nothing to do".into()) } else { Ok(Offsets::between(0, *end)) }
    }

    fn process(&mut self, _: &u64, _: &mut SplitWork<'_, Offsets, Monotonic, u64>) -> Result<Continuation, BoxError> {
        Ok(Continuation::Stop)
    }
}

#[test]
fn what_is_left_undone_is_an_error_that_names_the_transform() {
    for runner in RUNNERS {
        for (element, named, told) in
            [(3, "gives up/work", "has not claimed all"), (0, "gives up/split", "there is nothing to do")]
        {
            let (pipeline, results) = (Pipeline::new(), MemorySink::new());
            pipeline.create("ends", [element]).par_do_splittable("gives up", GivesUp).write("results", results.sink());
            let failure = runner.run(&pipeline.graph().expect("it is sound")).expect_err("it fails").to_string();
            assert!(failure.contains(named) && failure.contains(told), "{runner:?}: {failure}");
        }
    }
}
