//! Elements that wait for a signal: window by window, until nothing can come into the signal's any more.

use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::Live;

use crate::job::{Job, WORKERS, at, stays, wait_for};

fn windows(lateness_ms: u64) -> WindowSpec {
    Fixed::of(milliseconds(100)).with().allowed_lateness(milliseconds(lateness_ms)).discarding()
}

#[test]
fn a_window_waits_for_the_signals_window_to_close() {
    for workers in WORKERS {
        let (main, main_stream) = memory::channel();
        let (signal, signal_stream) = memory::channel();
        let (pipeline, waited, written, sums) = (Pipeline::new(), Live::new(), Live::new(), Live::new());
        let signals = pipeline.read("signals", signal_stream).window(windows(50)).combine_globally("write", Sum);
        signals.write("written", written.sink());
        let numbers = pipeline.read("numbers", main_stream).window(windows(0)).wait_on("wait", &signals);
        numbers.write("waited", waited.sink());
        numbers.combine_globally("sum", Sum).write("sums", sums.sink());
        let job = Job::start(&pipeline, workers);

        main.send_all([(1, at(10)), (20, at(120)), (300, at(250))]);
        main.advance_watermark(at(10_000));
        signal.send(7_i64, at(10));
        signal.advance_watermark(at(100));
        wait_for(&written, &[7]);
        // The signal's window has ended and given its result, but a late one may follow.
        stays(&waited, &[]);
        signal.send(8, at(20));
        wait_for(&written, &[7, 8]);
        stays(&waited, &[]);
        signal.advance_watermark(at(150));
        wait_for(&waited, &[1]);
        wait_for(&sums, &[1]);
        // Into the next window comes no signal at all: it is waited for all the same.
        signal.advance_watermark(at(249));
        stays(&waited, &[1]);
        signal.advance_watermark(at(250));
        wait_for(&waited, &[1, 20]);
        wait_for(&sums, &[1, 20]);
        drop(signal);
        wait_for(&waited, &[1, 20, 300]);
        wait_for(&sums, &[1, 20, 300]);
        main.close();
        let observer = job.end();
        assert_eq!(observer.elements_dropped(), (0, 0), "{workers} workers");
    }
}

#[test]
fn a_signal_in_the_global_window_is_waited_for_to_its_end() {
    for workers in WORKERS {
        let (main, main_stream) = memory::channel();
        let (pipeline, order) = (Pipeline::new(), Live::new());
        let loaded = pipeline.create("tables", 0..3_000_i64).inspect("load", |_| std::thread::yield_now());
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
        let counted = seen.clone();
        let loaded = loaded.inspect("count", move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        pipeline
            .read("numbers", main_stream)
            .window(windows(0))
            .wait_on("loaded", &loaded)
            .map("how many were loaded", move |_: i64| seen.load(std::sync::atomic::Ordering::SeqCst))
            .write("order", order.sink());
        let job = Job::start(&pipeline, workers);
        main.send(1, at(10));
        main.advance_watermark(at(200));
        wait_for(&order, &[3_000]);
        main.close();
        job.end();
    }
}

#[test]
fn a_signal_that_never_ends_is_refused() {
    let refused = |build: fn(PCollection<i64>, PCollection<i64>)| {
        let pipeline = Pipeline::new();
        let [(_a, numbers), (_b, signals)] = [memory::channel(), memory::channel()];
        build(pipeline.read("numbers", numbers), pipeline.read("signals", signals));
        pipeline.graph().map(drop).expect_err("refused").to_string()
    };
    let global = refused(|numbers, signals| drop(numbers.window(windows(0)).wait_on("wait", &signals)));
    assert!(global.contains("transform `wait/signal`: the signal is unbounded and in the global window"), "{global}");
    let sessions = refused(|numbers, signals| {
        numbers.window(windows(0)).wait_on("wait", &signals.window(Sessions::of(seconds(1))));
    });
    assert!(sessions.contains("windows sessions(1000 ms) are not known beforehand"), "{sessions}");
    let main = refused(|numbers, signals| drop(numbers.wait_on("wait", &signals.window(windows(0)))));
    assert!(main.contains("its input is in the global window"), "{main}");
}
