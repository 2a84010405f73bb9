//! Pipelines with checkpoints in a simulated world: nothing is lost and nothing is there twice, whatever happens.

mod random;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use purlin::coder::{Coder, Postcard};
use purlin::prelude::*;
use purlin::testing::{Outcome, ScriptedSource, simulate};

/// How many seeds an ordinary run takes; `PURLIN_SEEDS` says otherwise.
fn seeds(ordinary: u64) -> std::ops::Range<u64> {
    let wanted = std::env::var("PURLIN_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let first = std::env::var("PURLIN_FIRST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    first..first + wanted.unwrap_or(ordinary)
}

#[test]
fn what_passes_through_comes_out_once() {
    simulate(|pipeline, world| {
        let at = Timestamp::from_millis;
        let splits = (0..3).map(|split| (0..50_i64).map(|n| (n * 3 + split, at(n))).collect());
        pipeline
            .read("numbers", world.source(ScriptedSource::new(splits).bundles_of(3)))
            .map("double", |n| n * 2)
            .write("doubled", world.sink("doubled"));
    })
    .seeds(seeds(100))
    .in_order("doubled", |n: &i64| n / 2 % 3)
    .run()
    .map(|outcomes| tell(&outcomes))
    .unwrap_or_else(|report| panic!("{report}"));
}

/// What went on in all seeds together.
fn tell(outcomes: &[Outcome]) {
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let (starts, kills) = (sum(|o| o.starts.into()), sum(|o| o.kills.into()));
    let (checkpoints, recoveries) = (sum(|o| o.checkpoints), sum(|o| o.recoveries));
    let (zombies, stops, steps) = (sum(|o| o.zombies.into()), sum(|o| o.stops.into()), sum(|o| o.steps));
    println!(
        "{} seeds: {starts} starts, {stops} stops, {kills} kills, of which {zombies} came back, {checkpoints} checkpoints, {recoveries} recoveries, \
         {steps} steps",
        outcomes.len()
    );
}

fn events(splits: i64, each: i64) -> ScriptedSource<i64> {
    let at = Timestamp::from_millis;
    ScriptedSource::new((0..splits).map(move |split| (0..each).map(|n| (n * splits + split, at(n * 40))).collect()))
        .bundles_of(3)
        .moving_watermark(true)
}

#[test]
fn windows_are_counted_once() {
    simulate(|pipeline, world| {
        let keyed = pipeline.read("numbers", world.source(events(3, 80))).key_by("remainder", |n| n % 7);
        keyed.window(Fixed::of(seconds(1))).combine_per_key("sum", Sum).write("sums", world.sink("sums"));
        keyed
            .window(Sessions::of(milliseconds(100)))
            .combine_per_key("session", Count)
            .write("sessions", world.sink("sessions"));
    })
    .seeds(seeds(100))
    .run()
    .map(|outcomes| tell(&outcomes))
    .unwrap_or_else(|report| panic!("{report}"));
}

/// Answers after a while, every third time not at all.
#[derive(Clone, Default)]
struct Moody {
    asked: Arc<AtomicU64>,
}

impl AsyncDoFn<i64> for Moody {
    type Out = Option<i64>;

    async fn process(&self, n: &i64) -> Result<Option<i64>, BoxError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        for _ in 0..asked % 5 {
            yield_once().await;
        }
        if asked % 3 == 2 { Err("not now".into()) } else { Ok((n % 10 != 0).then_some(n * 10)) }
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn every_call_has_one_answer() {
    simulate(|pipeline, world| {
        let patiently = AsyncOptions::new()
            .capacity(4)
            .timeout(seconds(5))
            .retry(Retry::exponential(milliseconds(50)).max_delay(milliseconds(200)).max_attempts(50));
        let numbers = pipeline.read("numbers", world.source(events(3, 60)));
        let answers = numbers.par_do_async("ask", Moody::default(), patiently.clone());
        answers.write("answers", world.sink("answers"));
        let sums =
            answers.window(Fixed::of(seconds(1))).key_by("remainder", |n| n / 10 % 7).combine_per_key("sum", Sum);
        sums.map_async("check", |sum| async move { Ok::<_, BoxError>(sum) }, patiently.ordered())
            .write("sums", world.sink("sums"));
    })
    .seeds(seeds(100))
    .run()
    .map(|outcomes| tell(&outcomes))
    .unwrap_or_else(|report| panic!("{report}"));
}

#[test]
fn whoever_is_idle_loses_nothing() {
    simulate(|pipeline, world| {
        let keyed = pipeline
            .read("numbers", world.source(events(3, 60).idle_after(milliseconds(500))))
            .key_by("remainder", |n| n % 7);
        keyed.write("passed", world.sink("passed"));
        keyed.combine_per_key("sum", Sum).write("sums", world.sink("sums"));
    })
    .seeds(seeds(100))
    .run()
    .map(|outcomes| tell(&outcomes))
    .unwrap_or_else(|report| panic!("{report}"));
}

/// What a drained job has written of each number is all or nothing, in every sink alike, whenever it was drained.
#[test]
fn a_drained_job_ends_with_what_it_has_read() {
    let simulation = simulate(|pipeline, world| {
        let numbers = pipeline.read("numbers", world.source(events(3, 80)));
        numbers.write("passed", world.sink("passed"));
        let sums = numbers.window(Fixed::of(seconds(1))).key_by("remainder", |n| n % 7).combine_per_key("sum", Sum);
        sums.write("sums", world.sink("sums"));
    });
    let outcomes = simulation.seeds(seeds(100)).drain().unwrap_or_else(|report| panic!("{report}"));
    let mut lengths = BTreeSet::new();
    for outcome in &outcomes {
        let passed: Vec<i64> = decoded(outcome, "passed");
        let sums: Vec<(i64, i64)> = decoded(outcome, "sums");
        assert_eq!(passed.iter().sum::<i64>(), sums.iter().map(|(_, sum)| sum).sum::<i64>(), "the sinks disagree");
        for split in 0..3 {
            let given: Vec<i64> = passed.iter().copied().filter(|n| n % 3 == split).collect();
            let wanted: Vec<i64> = (0..given.len() as i64).map(|n| n * 3 + split).collect();
            assert_eq!(given, wanted, "split {split}: not what it gives first, each once and in order");
        }
        lengths.insert(passed.len());
    }
    assert!(lengths.len() > outcomes.len().min(100) / 5, "they were drained at many places: {lengths:?}");
    tell(&outcomes);
}

#[test]
fn a_snapshot_that_rots_is_refused() {
    let simulation = simulate(|pipeline, world| {
        let keyed = pipeline.read("numbers", world.source(events(3, 80))).key_by("remainder", |n| n % 7);
        keyed.write("passed", world.sink("passed"));
        keyed.window(Fixed::of(seconds(1))).combine_per_key("sum", Sum).write("sums", world.sink("sums"));
    });
    let outcomes = simulation.seeds(seeds(200)).rot().unwrap_or_else(|report| panic!("{report}"));
    let refusals: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.refused.as_ref()).collect();
    assert!(refusals.len() * 20 > outcomes.len(), "only {} of {} needed the file", refusals.len(), outcomes.len());
    assert!(refusals.iter().all(|reason| reason.contains("would write output again")), "{refusals:?}");
    tell(&outcomes);
}

#[test]
fn partitions_that_are_added_are_read_from_their_start() {
    simulate(|pipeline, world| {
        let numbers = pipeline.read("numbers", world.growing(events(3, 40)));
        numbers.write("passed", world.sink("passed"));
        let sums = numbers.window(Fixed::of(seconds(1))).key_by("remainder", |n| n % 7).combine_per_key("sum", Sum);
        sums.write("sums", world.sink("sums"));
    })
    .seeds(seeds(40))
    .run()
    .map(|outcomes| tell(&outcomes))
    .unwrap_or_else(|report| panic!("{report}"));
}

/// Offsets of the consumer group that were moved, retention that has overtaken the job, another cluster: refused wherever the job meets it, each with a
/// message of its own.
#[test]
fn logs_that_were_tampered_with_are_refused() {
    let simulation = simulate(|pipeline, world| {
        let keyed = pipeline.read("numbers", world.source(events(3, 80))).key_by("remainder", |n| n % 7);
        keyed.write("passed", world.sink("passed"));
        keyed.window(Fixed::of(seconds(1))).combine_per_key("sum", Sum).write("sums", world.sink("sums"));
    });
    let outcomes = simulation.seeds(seeds(150)).tamper().unwrap_or_else(|report| panic!("{report}"));
    let refusals: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.refused.as_ref()).collect();
    let reasons = ["the offsets of the consumer group", "is not in the log", "offsets mean nothing on `mirror of"];
    let of = |reason: &str| refusals.iter().filter(|refusal| refusal.contains(reason)).count();
    let counts = reasons.map(of);
    assert!(counts.iter().all(|count| count * 50 > outcomes.len()), "{counts:?} of {}", outcomes.len());
    assert_eq!(counts.iter().sum::<usize>(), refusals.len(), "{refusals:?}");
    println!("refused for offsets, retention, another cluster: {counts:?}");
    tell(&outcomes);
}

#[test]
fn sinks_on_two_clusters_are_refused() {
    let simulation = simulate(|pipeline, world| {
        let numbers = pipeline.read("numbers", world.source(events(2, 5)));
        numbers.write("one", world.sink_on("north", "one"));
        numbers.map("double", |n| n * 2).write("other", world.sink_on("south", "other"));
    });
    let refusal = simulation.seeds(0..1).run().expect_err("one transaction cannot span them");
    for part in ["it is refused", "`one`", "cluster `north`", "`other`", "cluster `south`", "--guarantee at-least-once"]
    {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
}

fn decoded<T: Element>(outcome: &Outcome, sink: &str) -> Vec<T> {
    let elements = outcome.written.get(sink).into_iter().flatten();
    elements.map(|element| Postcard.decode(&mut element.as_slice()).expect("what a sink was given")).collect()
}

#[test]
fn a_seed_is_a_run() {
    let run = || {
        let simulation = simulate(|pipeline, world| {
            let keyed = pipeline.read("numbers", world.source(events(3, 40))).key_by("remainder", |n| n % 7);
            keyed.window(Fixed::of(seconds(1))).combine_per_key("sum", Sum).write("sums", world.sink("sums"));
        });
        let outcomes = simulation.seeds(0..20).run().unwrap_or_else(|report| panic!("{report}"));
        outcomes.iter().map(|outcome| (outcome.steps, outcome.starts, outcome.checkpoints)).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
