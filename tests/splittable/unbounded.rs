//! Work without an end: its watermark, draining, stopping.

use std::sync::Arc;
use std::time::Duration;

use purlin::prelude::*;
use purlin::runners::{Observer, StopMode};
use purlin::source::TestStream;
use purlin::split::{Continuation, Monotonic, Offsets, Restriction, SplitWork, SplittableDoFn};
use purlin_tests::{Live, PATIENCE, Runner, eventually, within};

use crate::numbers::Numbers;

/// Sums of windows of 100 ms over numbers without an end; stopped once some windows have closed.
fn run_until(mode: StopMode, workers: usize, truncated_at: Option<u64>) -> (Vec<u64>, Vec<u64>) {
    let (pipeline, sums, each) = (Pipeline::new(), Live::new(), Live::new());
    let numbers = Numbers { part: u64::MAX, at_a_time: 40, truncated_at };
    let start = pipeline.create_at("start", [((0, None), Timestamp::from_millis(0))]);
    let numbers = start.par_do_splittable("numbers", numbers);
    numbers.write("each", each.sink());
    numbers.window(Fixed::of(milliseconds(100))).combine_globally("count", Count).write("counts", sums.sink());
    let graph = pipeline.graph().expect("it is sound");
    let runner = StreamRunner::new().parallelism(workers).observer(Arc::new(Observer::default()));
    let stop = runner.stop_handle();
    let running = std::thread::spawn(move || runner.run(&graph));
    eventually("some windows to close", PATIENCE, || (sums.values().len() >= 3).then_some(()));
    stop.stop(mode);
    within("the end", PATIENCE, move || running.join()).expect("no panic").expect("it ends well");
    (each.values(), sums.values())
}

#[test]
fn the_watermark_follows_the_estimator_and_windows_close_behind_it() {
    for workers in [1, 3] {
        let (each, counts) = run_until(StopMode::Stop, workers, None);
        assert!(each.iter().enumerate().all(|(i, number)| i as u64 == *number), "each number once, none left out");
        assert!(counts.iter().all(|count| *count == 100), "{counts:?}");
        assert!(counts.len() as u64 * 100 <= each.len() as u64, "a window is closed behind its last element");
    }
}

#[test]
fn drained_work_is_done_as_far_as_it_says_and_every_window_comes_out() {
    for workers in [1, 3] {
        let end = 1_000_050;
        let (each, counts) = run_until(StopMode::Drain, workers, Some(end));
        assert_eq!(each.len() as u64, end);
        assert_eq!(counts.iter().sum::<u64>(), end);
        assert!(counts.contains(&50), "the last window came out too");
    }
}

#[test]
fn a_script_sees_the_hold_move_with_the_work() {
    let at = Timestamp::from_millis;
    for runner in [Runner::Reference, Runner::Batch(1), Runner::Batch(3), Runner::Stream(1), Runner::Stream(3)] {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        // 40 numbers at once, then 40 at each processing time, though the watermark is far ahead.
        let events = TestStream::new()
            .elements([((0, None), at(0))])
            .advance_watermark(at(1_000))
            .advance_processing_time(milliseconds(3))
            .advance_processing_time(milliseconds(3));
        let under_way = events.under_way();
        let numbers = Numbers { part: u64::MAX, at_a_time: 40, truncated_at: Some(150) };
        pipeline
            .test_stream("start", events)
            .par_do_splittable("numbers", numbers)
            .window(Fixed::of(milliseconds(50)))
            .combine_globally("count", Count)
            .map_in("seen", move |count, seen| (under_way.number(), seen.window.start.millis(), count))
            .write("results", results.sink());
        runner.run(&pipeline.graph().expect("it is sound")).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let mut seen = results.take();
        seen.sort_unstable();
        // At 79 one window has closed, at 119 two; the rest comes at the end.
        assert_eq!(seen, [(2, 0, 50), (3, 50, 50), (4, 100, 50)], "{runner:?}");
    }
}

/// Three numbers at a time, each time earlier ones last; then nothing for a minute.
#[derive(Clone)]
struct Descending;

impl SplittableDoFn<u64> for Descending {
    type Restriction = Offsets;
    type Estimator = Monotonic;
    type Out = u64;

    fn restriction(&self, times: &u64) -> Result<Offsets, BoxError> {
        Ok(if *times == 0 { Offsets::from(0) } else { Offsets::between(0, *times) })
    }

    fn process(
        &mut self,
        _: &u64,
        work: &mut SplitWork<'_, Offsets, Monotonic, u64>,
    ) -> Result<Continuation, BoxError> {
        let turn = work.restriction().next();
        if !work.try_claim(turn) {
            return Ok(Continuation::Stop);
        }
        for number in 0..3 {
            work.emit_at(10 * turn + number, Timestamp::from_millis(50 - number as i64));
        }
        Ok(if work.restriction().is_done() {
            Continuation::Stop
        } else {
            Continuation::Resume(Duration::from_secs(60))
        })
    }
}

#[test]
fn what_is_emitted_behind_the_estimator_is_late_and_no_error_wherever_work_was_interrupted() {
    let at = Timestamp::from_millis;
    for runner in [Runner::Reference, Runner::Batch(2), Runner::Stream(1), Runner::Stream(3)] {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let events = TestStream::new()
            .elements([(2_u64, at(0))])
            .advance_watermark(at(100))
            .advance_processing_time(Duration::from_secs(61));
        pipeline.test_stream("times", events).par_do_splittable("numbers", Descending).write("all", results.sink());
        runner.run(&pipeline.graph().expect("it is sound")).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let mut all = results.take();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 10, 11, 12], "{runner:?}");
    }
}

#[test]
fn what_is_there_leaves_while_the_rest_is_waited_for() {
    for workers in [1, 3] {
        let (pipeline, seen) = (Pipeline::new(), Live::new());
        pipeline
            .create("times", [0_u64])
            .par_do_splittable("numbers", Descending)
            .reshuffle()
            .write("seen", seen.sink());
        let graph = pipeline.graph().expect("it is sound");
        let runner = StreamRunner::new().parallelism(workers);
        let stop = runner.stop_handle();
        let running = std::thread::spawn(move || runner.run(&graph));
        let soon = Duration::from_secs(20);
        eventually("the first three numbers", soon, || (seen.values() == [0, 1, 2]).then_some(()));
        stop.stop(StopMode::Stop);
        within("the end", PATIENCE, move || running.join()).expect("no panic").expect("it ends well");
        assert_eq!(seen.values(), [0, 1, 2]);
    }
}
