//! A silent split or source and the watermark of all.

use std::sync::Arc;
use std::time::Duration;

use purlin::io::memory::{self, Sender};
use purlin::prelude::*;
use purlin_tests::{Live, PATIENCE, eventually};
use tokio::sync::watch;

use crate::job::{Job, WORKERS, at, stays, wait_for};
use crate::several::Several;

/// Two channels as the splits of one source.
fn two(idle_timeout: Option<Duration>) -> ([Sender<i64>; 2], Several<i64>) {
    let (left, left_stream) = memory::channel();
    let (right, right_stream) = memory::channel();
    let sources = vec![BoxSource::new(left_stream), BoxSource::new(right_stream)];
    ([left, right], Several { sources, idle_timeout })
}

fn window_sums(numbers: PCollection<i64>) -> PCollection<i64> {
    numbers.window(Fixed::of(milliseconds(100))).combine_globally("sum", Sum)
}

#[test]
fn a_silent_split_holds_the_watermark_until_it_is_idle() {
    for workers in WORKERS {
        for (idle_timeout, goes_on) in [(None, false), (Some(milliseconds(300)), true)] {
            let ([left, right], source) = two(idle_timeout);
            let (pipeline, sums) = (Pipeline::new(), Live::new());
            pipeline.read("numbers", source).apply("sums", window_sums).write("sums out", sums.sink());
            let job = Job::start(&pipeline, workers);
            left.send(1, at(10));
            left.advance_watermark(at(100));
            if goes_on {
                wait_for(&sums, &[1]);
                // It speaks again. What lies behind the others' watermark is late; the rest counts, and so does its watermark,
                // while it is the other one that is silent.
                right.send(100, at(20));
                right.send(10, at(150));
                right.advance_watermark(at(200));
                wait_for(&sums, &[1, 10]);
            } else {
                stays(&sums, &[]);
                let held = eventually("the holder to be told", PATIENCE, || {
                    job.observer.held().filter(|held| held.silent_since.is_some())
                });
                assert_eq!(held.at, Timestamp::MIN, "{held}: the left one is at 100");
                assert!(held.to_string().contains("silent since"), "{held}");
                right.send(10, at(50));
                right.advance_watermark(at(100));
                wait_for(&sums, &[11]);
            }
            drop((left, right));
            let observer = job.end();
            assert_eq!(observer.elements_dropped(), (u64::from(goes_on), 0));
        }
    }
}

#[test]
fn an_idle_source_does_not_hold_what_it_is_flattened_with() {
    for workers in WORKERS {
        let ([silent, also_silent], quiet) = two(Some(milliseconds(200)));
        let (sender, stream) = memory::channel();
        let (pipeline, sums) = (Pipeline::new(), Live::new());
        let (numbers, quiet) = (pipeline.read("numbers", stream), pipeline.read("quiet", quiet));
        pipeline.flatten("all", [numbers, quiet]).apply("sums", window_sums).write("sums out", sums.sink());
        let job = Job::start(&pipeline, workers);
        sender.send(7, at(10));
        sender.advance_watermark(at(100));
        wait_for(&sums, &[7]);
        drop((sender, silent, also_silent));
        job.end();
    }
}

#[test]
fn when_all_are_idle_nothing_is_held_back() {
    let ([left, right], source) = two(Some(milliseconds(200)));
    let (pipeline, sums) = (Pipeline::new(), Live::new());
    pipeline.read("numbers", source).apply("sums", window_sums).write("sums out", sums.sink());
    left.send(1, at(10));
    left.advance_watermark(at(150));
    right.send(2, at(20));
    right.advance_watermark(at(50));
    let job = Job::start(&pipeline, 2);
    // The greater of the two watermarks is that of the first.
    wait_for(&sums, &[3]);
    drop((left, right));
    job.end();
}

/// An element without an answer is not idle, though its source is.
#[test]
fn an_idle_source_is_idle_behind_calls_once_all_are_answered() {
    for workers in WORKERS {
        let answered = Arc::new(watch::Sender::new(false));
        let ([silent, also_silent], quiet) = two(Some(milliseconds(100)));
        let (sender, stream) = memory::channel();
        let (pipeline, answers, sums) = (Pipeline::new(), Live::new(), Live::new());
        let answer = answered.clone();
        let asked = move |n| {
            let mut answer = answer.subscribe();
            async move { answer.wait_for(|answered| *answered).await.map(|_| n) }
        };
        let asked = pipeline.read("quiet", quiet).map_async("ask", asked, AsyncOptions::new());
        asked.write("answers", answers.sink());
        let all = pipeline.flatten("all", [asked, pipeline.read("numbers", stream)]);
        all.apply("sums", window_sums).write("sums out", sums.sink());
        let job = Job::start(&pipeline, workers);
        silent.send(1, at(20));
        sender.send(10, at(10));
        sender.advance_watermark(at(200));
        stays(&sums, &[]);
        answered.send_replace(true);
        wait_for(&sums, &[11]);
        // Idle as it is again, its next element counts, once it is there.
        silent.send(100, at(250));
        wait_for(&answers, &[1, 100]);
        silent.advance_watermark(at(400));
        sender.advance_watermark(at(400));
        wait_for(&sums, &[11, 100]);
        drop((silent, also_silent, sender));
        job.end();
    }
}
