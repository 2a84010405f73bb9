//! `StopHandle`: stop leaves open windows, drain emits them; both finish what was read.

use purlin::io::memory;
use purlin::prelude::*;
use purlin::runners::StopMode;
use purlin_tests::{Live, PATIENCE, eventually};

use crate::job::{Job, WORKERS, at, stays, wait_for};

/// Sums of windows of 100 ms, after elements in three windows of which one has closed.
fn check(mode: StopMode, expected: &[i64]) {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, sums, each) = (Pipeline::new(), Live::new(), Live::new());
        let published = MemorySink::new();
        let numbers = pipeline.read("numbers", stream).window(Fixed::of(milliseconds(100)));
        numbers.write("each", each.sink());
        numbers.write("published", published.sink());
        numbers.combine_globally("sum", Sum).write("sums", sums.sink());
        let job = Job::start(&pipeline, workers);
        sender.send_all([(1, at(0)), (20, at(50)), (300, at(150)), (4000, at(250))]);
        sender.advance_watermark(at(120));
        wait_for(&each, &[1, 20, 300, 4000]);
        wait_for(&sums, &[21]);
        assert!(published.take().is_empty(), "nothing is published before the end");
        let observer = job.stop(mode);
        assert_eq!(sums.values(), expected, "{workers} workers");
        assert_eq!(published.take().len(), 4, "what was read is published");
        assert_eq!(observer.elements_dropped(), (0, 0));
    }
}

#[test]
fn stop() {
    check(StopMode::Stop, &[21]);
}

#[test]
fn drain() {
    check(StopMode::Drain, &[21, 300, 4000]);
}

/// What was read before the signal is written, however much is on its way.
#[test]
fn nothing_read_is_lost() {
    for mode in [StopMode::Stop, StopMode::Drain] {
        for workers in WORKERS {
            let (sender, stream) = memory::channel();
            sender.send_all((0..300_000_u64).map(|n| (n, at(n as i64))));
            let (pipeline, results) = (Pipeline::new(), Live::closed());
            pipeline.read("numbers", stream).reshuffle().write("results", results.sink());
            let job = Job::start(&pipeline, workers);
            eventually("some to be read", PATIENCE, || (job.observer.elements_read() > 0).then_some(()));
            job.ask_to_stop(mode);
            stays(&results, &[]);
            assert!(job.is_running(), "it waits for its sink");
            results.open();
            let observer = job.end();
            let read = observer.elements_read();
            assert_eq!(results.values(), (0..read).collect::<Vec<_>>());
            drop(sender);
        }
    }
}

/// Elements that wait for a side input are like open windows: stop leaves them, drain lets them go on.
#[test]
fn waiting_elements_do_not_prevent_the_end() {
    for (mode, expected) in [(StopMode::Stop, vec![]), (StopMode::Drain, vec![9])] {
        let (main, main_stream) = memory::channel();
        let (side, side_stream) = memory::channel::<i64>();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let windows = || Fixed::of(milliseconds(100));
        let offset = pipeline.read("offsets", side_stream).window(windows()).as_optional(-1);
        let numbers = pipeline.read("numbers", main_stream).window(windows());
        numbers.map_with("add", &offset, |n: i64, offset| n + offset).write("results", results.sink());
        let job = Job::start(&pipeline, 2);
        main.send(10, at(10));
        stays(&results, &[]);
        job.stop(mode);
        assert_eq!(results.values(), expected, "{mode:?}");
        drop((main, side));
    }
}

#[test]
fn stopping_before_anything_has_come() {
    for mode in [StopMode::Stop, StopMode::Drain] {
        let (sender, stream) = memory::channel::<i64>();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let numbers = pipeline.read("numbers", stream).window(Fixed::of(milliseconds(100)));
        numbers.combine_globally("sum", Sum).write("results", results.sink());
        Job::start(&pipeline, 2).stop(mode);
        assert!(results.values().is_empty());
        drop(sender);
    }
}
