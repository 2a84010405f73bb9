//! A combine with fan-out over time: the same early, on-time and late panes as without, each after what it waits for.

use purlin::io::memory;
use purlin::prelude::*;
use purlin::window::Accumulation;
use purlin_tests::Live;

use crate::job::{Job, WORKERS, at, wait_for};

/// (sum, pane's timing, pane's index).
type Row = (i64, String, u64);

/// One window's panes, each waited for before the next element is sent.
fn check(mode: Accumulation, panes: [(i64, &str, u64); 7]) {
    let expected = panes.map(|(sum, timing, index)| (sum, timing.to_string(), index));
    for workers in WORKERS {
        for keyed in [true, false] {
            let (sender, stream) = memory::channel();
            let (pipeline, results) = (Pipeline::new(), Live::<Row>::new());
            let early = Trigger::after_processing_time(milliseconds(5));
            let trigger = Trigger::after_watermark().early(early).late(Trigger::after_count(1));
            let windows = Fixed::of(milliseconds(100)).with().trigger(trigger).allowed_lateness(milliseconds(500));
            let windows = match mode {
                Accumulation::Accumulating => windows.accumulating(),
                Accumulation::Discarding => windows.discarding(),
            };
            let numbers = pipeline.read("numbers", stream).window(windows);
            let sums = if keyed {
                numbers.key_by("key", |_: &i64| 0_u8).combine_per_key_with_fanout("sum", Sum, |_| 3).values()
            } else {
                numbers.combine_globally_with_fanout("sum", Sum, 3)
            };
            sums.map_in("row", |sum, at| (sum, format!("{:?}", at.pane.timing), at.pane.index))
                .write("results", results.sink());
            let job = Job::start(&pipeline, workers);
            let mut seen = Vec::new();
            for (n, pane) in expected.iter().enumerate() {
                match n {
                    0 => sender.send(1, at(10)),
                    1 => sender.send(20, at(20)),
                    2 => sender.advance_watermark(at(100)),
                    3 => sender.send(300, at(30)),
                    4 => sender.send(4000, at(99)),
                    // Another window: that it fires shows that the watermark has arrived.
                    5 => sender.send(7, at(550)),
                    _ => sender.advance_watermark(at(600)),
                }
                seen.push(pane.clone());
                seen.sort();
                wait_for(&results, &seen);
            }
            // Beyond the allowed lateness of the first.
            sender.send(50_000, at(50));
            sender.close();
            let observer = job.end();
            assert_eq!(results.values(), seen, "{workers} workers, keyed: {keyed}");
            assert_eq!(observer.elements_dropped(), (1, 0), "{workers} workers, keyed: {keyed}");
        }
    }
}

#[test]
fn panes_accumulate() {
    check(
        Accumulation::Accumulating,
        [
            (1, "Early", 0),
            (21, "Early", 1),
            (21, "OnTime", 2),
            (321, "Late", 3),
            (4321, "Late", 4),
            (7, "Early", 0),
            (7, "OnTime", 1),
        ],
    );
}

#[test]
fn panes_discard() {
    check(
        Accumulation::Discarding,
        [
            (1, "Early", 0),
            (20, "Early", 1),
            (0, "OnTime", 2),
            (300, "Late", 3),
            (4000, "Late", 4),
            (7, "Early", 0),
            (0, "OnTime", 1),
        ],
    );
}
