//! Windows fire as the watermark passes them, not only at the end.

use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::Live;

use crate::job::{Job, WORKERS, at, stays, wait_for};

/// (key, window's start, sum)
type Sum3 = (String, i64, i64);

fn sum(key: &str, start: i64, sum: i64) -> Sum3 {
    (key.to_string(), start, sum)
}

#[test]
fn fixed_windows_fire_one_after_the_other() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        pipeline
            .read("numbers", stream)
            .window(Fixed::of(milliseconds(100)))
            .combine_per_key("sum", Sum)
            .map_in("row", |(key, sum): (String, i64), at| (key, at.window.start.millis(), sum))
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        let send = |key: &str, n: i64, ms: i64| sender.send((key.to_string(), n), at(ms));

        send("a", 1, 10);
        send("b", 2, 20);
        send("a", 3, 110);
        sender.advance_watermark(at(99));
        stays(&results, &[]);
        sender.advance_watermark(at(100));
        let first = [sum("a", 0, 1), sum("b", 0, 2)];
        wait_for(&results, &first);
        send("a", 4, 199);
        sender.advance_watermark(at(199));
        stays(&results, &first);
        // Over an empty window, too.
        sender.advance_watermark(at(1000));
        let second = [sum("a", 0, 1), sum("a", 100, 7), sum("b", 0, 2)];
        wait_for(&results, &second);
        send("b", 5, 1000);
        stays(&results, &second);
        assert!(job.is_running());
        sender.close();
        let observer = job.end();
        wait_for(&results, &[sum("a", 0, 1), sum("a", 100, 7), sum("b", 0, 2), sum("b", 1000, 5)]);
        assert_eq!(observer.elements_dropped(), (0, 0));
        assert_eq!((observer.elements_read(), observer.elements_written()), (5, 4));
    }
}

#[test]
fn sessions_fire_when_nothing_can_join_them() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        pipeline
            .read("numbers", stream)
            .window(Sessions::of(milliseconds(50)))
            .key_by("one key", |_: &i64| 0_u8)
            .group_by_key("session")
            .map_in("row", |(_, mut all), at| {
                all.sort();
                (at.window.start.millis(), at.window.end.millis(), all)
            })
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        for (n, ms) in [(1, 0), (2, 90), (3, 45)] {
            sender.send(n, at(ms));
        }
        sender.send(4, at(200));
        sender.advance_watermark(at(139));
        stays(&results, &[]);
        sender.advance_watermark(at(140));
        wait_for(&results, &[(0, 140, vec![1, 2, 3])]);
        sender.advance_watermark(at(250));
        wait_for(&results, &[(0, 140, vec![1, 2, 3]), (200, 250, vec![4])]);
        sender.close();
        job.end();
    }
}

/// A grouping behind a grouping: the second waits for all that the first can still emit.
#[test]
fn groupings_in_a_row() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        pipeline
            .read("numbers", stream)
            .window(Fixed::of(milliseconds(100)))
            .key_by("number", |n: &i64| *n)
            .combine_per_key("count", Count)
            .map("distinct", |_| 1_i64)
            .combine_globally("how many", Sum)
            .map_in("row", |count, at| (at.window.start.millis(), count))
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        sender.send_all((0..1000).map(|n| (n % 50, at(n % 300))));
        sender.advance_watermark(at(150));
        wait_for(&results, &[(0, 50)]);
        sender.advance_watermark(at(300));
        wait_for(&results, &[(0, 50), (100, 50), (200, 50)]);
        sender.close();
        job.end();
    }
}

#[test]
fn early_and_late_panes() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let trigger = Trigger::after_watermark().early(Trigger::after_count(2)).late(Trigger::after_count(1));
        pipeline
            .read("numbers", stream)
            .window(
                Fixed::of(milliseconds(100)).with().trigger(trigger).allowed_lateness(milliseconds(50)).accumulating(),
            )
            .key_by("one key", |_: &i64| 0_u8)
            .combine_per_key("sum", Sum)
            .map_in("row", |(_, sum), at| (sum, format!("{:?}", at.pane.timing)))
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        let row = |sum: i64, timing: &str| (sum, timing.to_string());
        sender.send(1, at(1));
        stays(&results, &[]);
        sender.send(2, at(2));
        wait_for(&results, &[row(3, "Early")]);
        sender.send(4, at(3));
        stays(&results, &[row(3, "Early")]);
        sender.advance_watermark(at(100));
        wait_for(&results, &[row(3, "Early"), row(7, "OnTime")]);
        sender.send(8, at(4));
        wait_for(&results, &[row(3, "Early"), row(7, "OnTime"), row(15, "Late")]);
        // Beyond the allowed lateness; that the next window has fired shows that the watermark has arrived.
        sender.send(32, at(150));
        sender.advance_watermark(at(200));
        let all = [row(3, "Early"), row(7, "OnTime"), row(15, "Late"), row(32, "OnTime")];
        wait_for(&results, &all);
        sender.send(16, at(5));
        sender.close();
        let observer = job.end();
        assert_eq!(results.values(), all);
        assert_eq!(observer.elements_dropped(), (1, 0));
    }
}

/// What came in an early pane does not come again, though later panes hold it too.
#[test]
fn distinct_elements_come_once_per_window() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let trigger = Trigger::after_watermark().early(Trigger::after_count(1)).late(Trigger::after_count(1));
        pipeline
            .read("numbers", stream)
            .window(
                Fixed::of(milliseconds(100)).with().trigger(trigger).allowed_lateness(milliseconds(50)).accumulating(),
            )
            .distinct("distinct")
            .map_in("row", |n: i64, at| (n, at.window.start.millis()))
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        sender.send(7, at(1));
        wait_for(&results, &[(7, 0)]);
        sender.send_all([(7, at(2)), (7, at(101)), (8, at(3))]);
        wait_for(&results, &[(7, 0), (7, 100), (8, 0)]);
        sender.advance_watermark(at(100));
        sender.send_all([(7, at(4)), (9, at(5))]);
        wait_for(&results, &[(7, 0), (7, 100), (8, 0), (9, 0)]);
        sender.close();
        job.end();
        assert_eq!(results.values(), [(7, 0), (7, 100), (8, 0), (9, 0)], "{workers} workers");
    }
}
