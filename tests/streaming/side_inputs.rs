//! A side input that comes late holds the elements that need it, and the watermark with them.

use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::Live;

use crate::job::{Job, WORKERS, at, stays, wait_for};

#[test]
fn elements_wait_for_their_side_input() {
    for workers in WORKERS {
        let (main, main_stream) = memory::channel();
        let (side, side_stream) = memory::channel();
        let (pipeline, joined, sums) = (Pipeline::new(), Live::new(), Live::new());
        let factor = pipeline
            .read("factors", side_stream)
            .window(Fixed::of(milliseconds(100)))
            .combine_globally("greatest", Max.of(|n: &i64| *n))
            .as_singleton();
        let scaled = pipeline.read("numbers", main_stream).window(Fixed::of(milliseconds(100))).map_with(
            "scale",
            &factor,
            |n: i64, factor| n * factor.unwrap_or(0),
        );
        scaled.write("joined", joined.sink());
        scaled.combine_globally("sum", Sum).write("sums", sums.sink());
        let job = Job::start(&pipeline, workers);

        main.send_all([(1, at(10)), (2, at(20)), (3, at(110)), (4, at(210))]);
        // The main input is far ahead: its windows have ended, yet nothing may fire without the side input.
        main.advance_watermark(at(10_000));
        stays(&joined, &[]);
        stays(&sums, &[]);
        side.send(10, at(50));
        side.send(100, at(150));
        stays(&joined, &[]);
        side.advance_watermark(at(100));
        wait_for(&joined, &[10, 20]);
        wait_for(&sums, &[30]);
        side.send(1000, at(250));
        side.advance_watermark(at(200));
        wait_for(&joined, &[10, 20, 300]);
        wait_for(&sums, &[30, 300]);
        stays(&sums, &[30, 300]);
        // What has not come by the end of the side input is not waited for.
        drop(side);
        wait_for(&joined, &[10, 20, 300, 4000]);
        wait_for(&sums, &[30, 300, 4000]);
        main.close();
        let observer = job.end();
        assert_eq!(observer.elements_dropped(), (0, 0), "nothing that waited became late");
    }
}

#[test]
fn a_default_is_used_once_it_is_certain() {
    for workers in WORKERS {
        let (main, main_stream) = memory::channel();
        let (side, side_stream) = memory::channel::<i64>();
        let (pipeline, joined) = (Pipeline::new(), Live::new());
        let windows = || Fixed::of(milliseconds(100));
        let offset = pipeline.read("offsets", side_stream).window(windows()).as_optional(-1);
        let numbers = pipeline.read("numbers", main_stream).window(windows());
        numbers.map_with("add", &offset, |n: i64, offset| n + offset).write("joined", joined.sink());
        let job = Job::start(&pipeline, workers);
        main.send(10, at(10));
        main.advance_watermark(at(500));
        stays(&joined, &[]);
        side.advance_watermark(at(100));
        wait_for(&joined, &[9]);
        // A window's value that is there already serves those who come after it.
        side.send(5, at(550));
        main.send(20, at(560));
        side.advance_watermark(at(600));
        wait_for(&joined, &[9, 25]);
        drop((main, side));
        job.end();
    }
}

#[test]
fn an_element_too_late_for_its_side_input_is_dropped_and_counted() {
    for workers in WORKERS {
        let (numbers, numbers_stream) = memory::channel();
        let (factors, factors_stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let windows = || Fixed::of(milliseconds(100));
        let factor = pipeline.read("factors", factors_stream).window(windows()).as_singleton();
        pipeline
            .read("numbers", numbers_stream)
            .window(windows())
            .map_with("multiply", &factor, |n: i64, factor: &i64| n * factor)
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        factors.send_all([(10, at(0)), (20, at(100)), (30, at(200))]);
        factors.advance_watermark(at(300));
        numbers.send(1, at(50));
        wait_for(&results, &[10]);
        numbers.send(2, at(250));
        numbers.advance_watermark(at(250));
        wait_for(&results, &[10, 60]);
        numbers.send(3, at(50));
        numbers.send(4, at(260));
        wait_for(&results, &[10, 60, 120]);
        numbers.close();
        factors.close();
        let observer = job.end();
        assert_eq!(results.values(), [10, 60, 120], "{workers} workers");
        assert_eq!(observer.elements_dropped(), (1, 0), "{workers} workers");
    }
}
