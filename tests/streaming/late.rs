//! Late elements: dropped and counted, or kept while lateness allows.

use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::Live;

use crate::job::{Job, WORKERS, at, wait_for};

/// `(sum, pane's index)` of windows of 100 ms with this lateness, and how many elements were dropped.
fn check(lateness_ms: u64, expected: &[(i64, u64)], dropped: (u64, u64)) {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let windows = Fixed::of(milliseconds(100)).with().allowed_lateness(milliseconds(lateness_ms)).discarding();
        pipeline
            .read("numbers", stream)
            .window(windows)
            .key_by("one key", |_: &i64| 0_u8)
            .combine_per_key("sum", Sum)
            .map_in("row", |(_, sum), at| (sum, at.pane.index))
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        sender.send(1, at(10));
        sender.advance_watermark(at(100));
        wait_for(&results, &[(1, 0)]);
        // Late for a window that has fired. One after the other, for what comes in one bundle may leave in one pane.
        let mut so_far = vec![(1, 0)];
        let mut send = |n: i64, ms: i64, watermark: i64| {
            sender.send(n, at(ms));
            sender.advance_watermark(at(watermark));
            so_far.extend(expected.iter().filter(|(sum, _)| *sum == n));
            wait_for(&results, &so_far);
        };
        send(20, 99, 101);
        send(300, 0, 102);
        // Not late at all: its window is open. That it fires shows that the watermark has arrived.
        send(4000, 100, 200);
        send(50_000, 50, 201);
        sender.close();
        let observer = job.end();
        assert_eq!(results.values(), expected, "{workers} workers");
        assert_eq!(observer.elements_dropped(), dropped, "{workers} workers");
    }
}

#[test]
fn without_allowed_lateness_they_are_dropped() {
    check(0, &[(1, 0), (4000, 0)], (3, 0));
}

#[test]
fn within_it_they_come_in_late_panes() {
    check(50, &[(1, 0), (20, 1), (300, 2), (4000, 0)], (1, 0));
    check(1000, &[(1, 0), (20, 1), (300, 2), (4000, 0), (50_000, 3)], (0, 0));
}

#[test]
fn a_finished_trigger_drops_what_follows() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let once = Global.with().trigger(Trigger::after_count(2)).discarding().allow_data_loss();
        pipeline
            .read("numbers", stream)
            .window(once)
            .key_by("parity", |n: &i64| n % 2)
            .combine_per_key("sum", Sum)
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        sender.send_all([(2, at(2)), (4, at(4))]);
        wait_for(&results, &[(0, 6)]);
        sender.send_all([(6, at(6)), (8, at(8)), (1, at(1))]);
        sender.close();
        let observer = job.end();
        assert_eq!(observer.elements_dropped(), (0, 2), "{workers} workers");
        // What its trigger has not fired by the end of the window comes in the closing pane.
        assert_eq!(results.values(), [(0, 6), (1, 1)]);
    }
}
