//! Pipelines with checkpoints in a simulated world: nothing is lost and nothing is there twice, whatever happens.

mod random;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

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
    .run()
    .map(|outcomes| tell(&outcomes))
    .unwrap_or_else(|report| panic!("{report}"));
}

/// What went on in all seeds together.
fn tell(outcomes: &[Outcome]) {
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let (starts, kills) = (sum(|o| o.starts.into()), sum(|o| o.kills.into()));
    let (checkpoints, recoveries) = (sum(|o| o.checkpoints), sum(|o| o.recoveries));
    let (zombies, steps) = (sum(|o| o.zombies.into()), sum(|o| o.steps));
    println!(
        "{} seeds: {starts} starts, {kills} kills, of which {zombies} came back, {checkpoints} checkpoints, {recoveries} recoveries, {steps} steps",
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
