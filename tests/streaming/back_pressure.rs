//! A slow sink bounds what is read ahead, however much there is.

use std::time::Duration;

use purlin::bundle::BUNDLE_TARGET;
use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::{Live, PATIENCE, eventually};

use crate::job::{Job, WORKERS, at};

const ELEMENTS: u64 = 400_000;

/// Channels hold 16 messages each; what is read may wait in the channel to each worker, in the channel from the reader, and in hands
/// at either side of each. Twice that is still far below what there is.
fn ahead_max(workers: usize) -> u64 {
    let messages = 16 * (workers + 1) + 4 * (workers + 1);
    (2 * messages * BUNDLE_TARGET) as u64
}

/// How many elements have been read, once that stands still.
fn still(job: &Job) -> u64 {
    let mut last = (0, std::time::Instant::now());
    eventually("reading to stand still", PATIENCE, || {
        let read = job.observer.elements_read();
        if read != last.0 {
            last = (read, std::time::Instant::now());
        }
        (read > 0 && last.1.elapsed() > Duration::from_millis(500)).then_some(read)
    })
}

fn check(build: impl Fn(PCollection<u64>) -> PCollection<u64>) {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        sender.send_all((0..ELEMENTS).map(|n| (n, at(n as i64))));
        let (pipeline, results) = (Pipeline::new(), Live::closed());
        build(pipeline.read("numbers", stream)).write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        let read = still(&job);
        assert!(read < ahead_max(workers).min(ELEMENTS), "{read} read ahead with {workers} workers");
        assert!(results.seen().is_empty());
        let held = eventually("the reason to be told", PATIENCE, || {
            job.observer.held().filter(|held| held.blocked_since.is_some())
        });
        assert!(held.to_string().contains("not asked since"), "{held}");
        results.open();
        sender.close();
        let observer = job.end();
        assert_eq!((observer.elements_read(), observer.elements_written()), (ELEMENTS, ELEMENTS));
        assert_eq!(results.values(), (0..ELEMENTS).collect::<Vec<_>>());
    }
}

#[test]
fn in_one_stage() {
    check(|numbers| numbers.map("same", |n| n));
}

#[test]
fn across_a_shuffle() {
    check(|numbers| numbers.reshuffle().map("same", |n| n));
}
