//! Composites on state and timers: batches, deduplication; and a timer that loops.

use std::time::Duration;

use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{Combining, EventTime, EventTimer, ProcessingTime};
use purlin_tests::ScriptedSource;

use crate::job::{RUNNERS, at, check};

fn numbers(script: TestStream<(u8, i64)>, numbers: &[(u8, i64, i64)]) -> TestStream<(u8, i64)> {
    script.elements(numbers.iter().map(|(key, n, ms)| ((*key, *n), at(*ms))))
}

fn batched(batches: Batches) -> impl Fn(PCollection<(u8, i64)>) -> PCollection<(u8, Vec<i64>)> {
    move |pairs| pairs.window(Fixed::of(milliseconds(100))).group_into_batches("batches", batches)
}

#[test]
fn batches_of_so_many_values() {
    let script =
        numbers(TestStream::new(), &[(1, 10, 0), (1, 11, 1), (2, 20, 2), (1, 12, 3)]).advance_watermark(at(50));
    let script = numbers(script, &[(1, 13, 51), (1, 14, 52), (1, 15, 100)]).advance_watermark(at(100));
    let expected = [
        (0, (1, vec![10, 11]), 1),
        (2, (1, vec![12, 13]), 51),
        (3, (1, vec![14]), 99),
        (3, (2, vec![20]), 99),
        (4, (1, vec![15]), 199),
    ];
    check(script, batched(Batches::of(2)), &expected);
}

#[test]
fn batches_of_so_many_bytes() {
    // Encoded, numbers below 64 have one byte, those below 8192 have two.
    let script =
        numbers(TestStream::new(), &[(1, 1, 0), (1, 2, 1), (1, 1000, 2), (1, 3, 3), (1, 1001, 4), (1, 1_000_000, 5)]);
    let expected =
        [(0, (1, vec![1, 2]), 2), (0, (1, vec![1000, 3]), 3), (0, (1, vec![1001]), 5), (0, (1, vec![1_000_000]), 5)];
    let three_bytes = [(0, (1, vec![1, 2]), 2), (0, (1, vec![1000, 3]), 3)];
    check(script, batched(Batches::of_bytes(3)), &expected);
    let script = numbers(TestStream::new(), &[(1, 1, 0), (1, 2, 1), (1, 1000, 2), (1, 3, 3)]);
    check(script, batched(Batches::of(100).max_bytes(3)), &three_bytes);
}

#[test]
fn batches_wait_no_longer_than_they_are_told() {
    let script = numbers(TestStream::new(), &[(1, 10, 7), (2, 20, 8)]).advance_processing_time(seconds(1));
    let script = numbers(script, &[(1, 11, 9), (2, 21, 9), (2, 22, 10)]).advance_processing_time(milliseconds(4001));
    let script = script.advance_processing_time(milliseconds(1000)).advance_watermark(at(99));
    let script = numbers(script, &[(1, 12, 99)]);
    let expected = [(2, (2, vec![20, 21, 22]), 10), (3, (1, vec![10, 11]), 7), (7, (1, vec![12]), 99)];
    check(script, batched(Batches::of(3).max_buffering(seconds(5))), &expected);
}

/// Every element is in one batch of its key and window, and no batch is larger than allowed.
#[test]
fn batches_of_shards_hold_everything_once() {
    let elements = (0..500_i64).map(|n| (((n % 3) as u8, n), at(n))).collect::<Vec<_>>();
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let script = ScriptedSource::new([elements.clone()]).bundles_of(7).moving_watermark(true);
        let pairs = pipeline.read("pairs", script).window(Fixed::of(milliseconds(100)));
        pairs.group_into_batches_by_shard("batches", Batches::of(10), 4).write("results", results.sink());
        runner.run(&pipeline.graph().expect("a sound graph")).expect("it runs");
        let batches: Vec<((u8, u32), Vec<i64>)> = results.take();
        let shards: std::collections::BTreeSet<u32> = batches.iter().map(|((_, shard), _)| *shard).collect();
        assert_eq!(Vec::from_iter(shards), [0, 1, 2, 3], "{runner:?}");
        for ((key, _), batch) in &batches {
            assert!(batch.len() <= 10 && !batch.is_empty());
            assert!(batch.iter().all(|n| (n % 3) as u8 == *key && n / 100 == batch[0] / 100), "{key}: {batch:?}");
        }
        let mut all: Vec<i64> = batches.into_iter().flat_map(|(_, batch)| batch).collect();
        all.sort();
        assert!(all.into_iter().eq(0..500), "{runner:?}");
    }
}

#[test]
fn impossible_batches_are_refused() {
    let refusal = |batches: Batches| {
        let pipeline = Pipeline::new();
        drop(pipeline.create("pairs", [(1_u8, 2_i64)]).group_into_batches("batches", batches));
        pipeline.graph().map(|_| ()).expect_err("it is refused").to_string()
    };
    assert!(refusal(Batches::of(0)).contains("transform `batches`: batches of no values"));
    assert!(refusal(Batches::of_bytes(0)).contains("transform `batches`: batches of no bytes"));
}

#[test]
fn what_comes_again_within_the_span_is_left_out() {
    let words =
        |script: TestStream<i64>, words: &[(i64, i64)]| script.elements(words.iter().map(|(n, ms)| (*n, at(*ms))));
    let script = words(TestStream::new(), &[(7, 0), (8, 1), (7, 2)]).advance_watermark(at(10));
    let script = words(script, &[(7, 11)]).advance_watermark(at(11)).advance_processing_time(milliseconds(10));
    let script = words(script, &[(7, 12), (8, 13)]).advance_processing_time(milliseconds(1));
    let script = words(script.advance_watermark(at(12)), &[(8, 14), (8, 15)]);
    let span = milliseconds(10);
    // By event time 7 may come again once the watermark has passed 10, 8 once it has passed 11.
    let by_event = [(0, 7, 0), (0, 8, 1), (5, 7, 12), (8, 8, 14)];
    check(script.clone(), |n| n.deduplicate("once", EventTime, span), &by_event);
    let by_clock = [(0, 7, 0), (0, 8, 1), (8, 8, 14)];
    check(script.clone(), |n| n.deduplicate("once", ProcessingTime, span), &by_clock);
    // What counts may be a part of it: here all are equal.
    let all_alike = |n: PCollection<i64>| n.deduplicate_by("once", ProcessingTime, span, |_| ());
    check(script.clone(), all_alike, &[(0, 7, 0), (8, 8, 14)]);
    // Each window by itself.
    let windowed = |n: PCollection<i64>| n.window(Fixed::of(span)).deduplicate("once", ProcessingTime, span);
    check(script, windowed, &[(0, 7, 0), (0, 8, 1), (2, 7, 11), (5, 8, 13)]);
}

/// Emits each key's total every period, also of keys that have no data meanwhile: a looping timer.
#[derive(Clone)]
struct EveryPeriod {
    period: Duration,
}

#[derive(State)]
struct Total {
    total: Combining<Sum, i64>,
    tick: EventTimer,
}

impl StatefulDoFn<u8, i64> for EveryPeriod {
    type State = Total;
    type Out = Output<(u8, i64)>;

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        state: &mut Total,
        cx: &StateContext,
        _: &mut Output<(u8, i64)>,
    ) -> Result<(), BoxError> {
        state.total.add(n);
        if !state.tick.is_set() {
            // On the period's grid, so that keys tick together.
            let period_ms = self.period.as_millis() as i64;
            let into_period = cx.timestamp().millis().rem_euclid(period_ms);
            state.tick.set_relative(milliseconds((period_ms - into_period) as u64));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        state: &mut Total,
        _: &TimerContext,
        out: &mut Output<(u8, i64)>,
    ) -> Result<(), BoxError> {
        out.emit((*key, state.total.take()));
        // At the window's end no time is left, and the loop ends.
        state.tick.set_relative(self.period);
        Ok(())
    }
}

#[test]
fn a_looping_timer_emits_a_zero_for_keys_without_data() {
    let script = numbers(TestStream::new(), &[(1, 3, 5), (2, 4, 12)]).advance_watermark(at(31));
    let script = numbers(script, &[(1, 5, 31)]).advance_watermark(at(45));
    let expected = [
        (1, (1, 0), 20),
        (1, (1, 0), 30),
        (1, (1, 3), 10),
        (1, (2, 0), 30),
        (1, (2, 4), 20),
        (3, (1, 5), 40),
        (3, (2, 0), 40),
        (4, (1, 0), 49),
        (4, (2, 0), 49),
    ];
    let totals = |pairs: PCollection<(u8, i64)>| {
        let windows = Fixed::of(milliseconds(50));
        pairs.window(windows).par_do_stateful("totals", EveryPeriod { period: milliseconds(10) })
    };
    check(script, totals, &expected);
}
