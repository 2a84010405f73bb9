//! A side input that changes slowly: looked up anew every period, its latest value used for whatever comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::{Live, PATIENCE, Runner, eventually};

use crate::job::{Job, WORKERS, at};

fn check(windowed: bool) {
    for workers in WORKERS {
        let rate = Arc::new(AtomicI64::new(1));
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let loaded = rate.clone();
        let latest = pipeline
            .read("tick", PeriodicImpulse::every(milliseconds(10)))
            .map("load", move |_| loaded.load(Ordering::SeqCst))
            .window(Global.with().trigger(Trigger::after_count(1).repeatedly()).discarding())
            .latest("latest")
            .as_singleton();
        let numbers = pipeline.read("numbers", stream);
        let numbers = if windowed { numbers.window(Fixed::of(milliseconds(100))) } else { numbers };
        numbers.map_with("convert", &latest, |n: i64, rate| (n, n * rate)).write("results", results.sink());
        let job = Job::start(&pipeline, workers);

        // It waits for the first value, whenever that comes.
        sender.send(1, at(0));
        eventually("the first value", PATIENCE, || results.values().first().copied());
        assert_eq!(results.values(), [(1, 1)]);
        rate.store(100, Ordering::SeqCst);
        let mut n = 1;
        let changed = eventually("the next value", PATIENCE, || {
            n += 1;
            sender.send(n, at(n));
            results.values().into_iter().find(|(n, converted)| *converted == n * 100)
        });
        // From then on there is no way back.
        sender.send_all((1000..1010).map(|n| (n, at(n))));
        sender.close();
        eventually("what comes later", PATIENCE, || results.values().into_iter().find(|(n, _)| *n == 1009));
        let stayed =
            results.values().into_iter().filter(|(n, _)| n > &changed.0).all(|(n, converted)| converted == n * 100);
        assert!(stayed, "{workers} workers: {:?}", results.values());
        job.stop(purlin::runners::StopMode::Drain);
    }
}

#[test]
fn for_a_main_input_in_the_global_window() {
    check(false);
}

#[test]
fn for_a_windowed_main_input() {
    check(true);
}

#[test]
fn where_the_input_ends_it_is_looked_up_once() {
    for runner in [Runner::Reference, Runner::Batch(2)] {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let looked_up = Arc::new(AtomicI64::new(0));
        let latest = pipeline
            .read("tick", PeriodicImpulse::every(hours(1)))
            .map("load", move |_| looked_up.fetch_add(1, Ordering::SeqCst) + 1)
            .window(Global.with().trigger(Trigger::after_count(1).repeatedly()).discarding())
            .latest("latest")
            .as_singleton();
        pipeline
            .create("numbers", [10_i64, 20])
            .map_with("add", &latest, |n, more| n + more)
            .write("results", results.sink());
        runner.run(&pipeline.graph().expect("a sound graph")).expect("no failure");
        let mut all = results.take();
        all.sort();
        assert_eq!(all, [11, 21], "{runner:?}");
    }
}
