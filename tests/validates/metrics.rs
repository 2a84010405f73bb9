//! Metrics of user code: counted wherever user code runs, attempted at once, committed with the output.

use std::sync::Arc;

use purlin::metrics::{Counter, Distribution, DistributionValue, Gauge};
use purlin::prelude::*;
use purlin::state::{EventTimer, WindowExpiration};

use crate::RUNNERS;

/// Tells its metrics of every call.
#[derive(Clone)]
struct Telling {
    calls: [Counter; 5],
    numbers: Distribution,
    latest: Gauge,
    fails_at: Option<i64>,
}

const CALLS: [&str; 5] = ["setup", "start bundle", "process", "finish bundle", "teardown"];

impl Telling {
    fn new(pipeline: &Pipeline, fails_at: Option<i64>) -> Telling {
        Telling {
            calls: CALLS.map(|call| pipeline.counter(call)),
            numbers: pipeline.distribution("numbers"),
            latest: pipeline.gauge("latest"),
            fails_at,
        }
    }
}

impl DoFn<i64> for Telling {
    type Out = Output<i64>;

    fn setup(&mut self) -> Result<(), BoxError> {
        self.calls[0].increment();
        Ok(())
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.calls[1].increment();
        Ok(())
    }

    fn process(&mut self, n: i64, _: &Context<'_>, out: &mut Output<i64>) -> Result<(), BoxError> {
        self.calls[2].increment();
        self.numbers.update(n);
        self.latest.set(7);
        out.emit(n);
        if self.fails_at == Some(n) { Err("on purpose".into()) } else { Ok(()) }
    }

    fn finish_bundle(&mut self, _: &mut Output<i64>) -> Result<(), BoxError> {
        self.calls[3].increment();
        Ok(())
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.calls[4].increment();
        Ok(())
    }
}

fn distribution(count: u64, sum: i64, bounds: Option<(i64, i64)>) -> DistributionValue {
    DistributionValue { count, sum, min: bounds.map(|(min, _)| min), max: bounds.map(|(_, max)| max) }
}

#[test]
fn of_every_call_of_a_do_fn_attempted_and_committed() {
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let telling = Telling::new(&pipeline, None);
        let numbers = pipeline.read("numbers", MemorySource::new(-20..80_i64).split_into(3).bundles_of(10));
        numbers.par_do("tell", telling.clone()).write("results", results.sink());
        let graph = pipeline.graph().unwrap();
        assert!(telling.calls.iter().all(|calls| (calls.value(), calls.committed()) == (0, 0)), "nothing has run yet");
        runner.run(&graph).unwrap();

        let [setup, start, process, finish, teardown] = telling.calls.each_ref().map(Counter::value);
        assert_eq!((process, start, setup), (100, finish, teardown), "{runner}");
        assert!(setup >= 1 && start >= 1, "{runner}");
        let all = distribution(100, (-20..80).sum(), Some((-20, 79)));
        assert_eq!((telling.numbers.value(), telling.numbers.committed()), (all, all), "{runner}");
        assert_eq!((telling.latest.value(), telling.latest.committed()), (7, 7), "{runner}");
        assert!(telling.calls[..4].iter().all(|calls| calls.committed() == calls.value()), "{runner}");
    }
}

#[test]
fn of_a_run_that_fails_nothing_is_committed() {
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let telling = Telling::new(&pipeline, Some(5));
        pipeline.create("numbers", [5_i64]).par_do("tell", telling.clone()).write("results", results.sink());
        runner.run(&pipeline.graph().unwrap()).expect_err("it fails on purpose");
        assert_eq!((telling.calls[2].value(), telling.calls[2].committed()), (1, 0), "{runner}");
        assert_eq!(telling.numbers.value(), distribution(1, 5, Some((5, 5))), "{runner}");
        assert_eq!(telling.numbers.committed(), distribution(0, 0, None), "{runner}");
        assert_eq!((telling.latest.value(), telling.latest.committed()), (7, 0), "{runner}");
    }
}

/// Counts elements, timers and expirations.
#[derive(Clone)]
struct Stateful([Counter; 3]);

impl StatefulDoFn<i64, i64> for Stateful {
    type State = (EventTimer, WindowExpiration);
    type Out = Output<i64>;

    fn process(
        &mut self,
        _: &i64,
        _: i64,
        (timer, _): &mut Self::State,
        _: &StateContext,
        _: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        self.0[0].increment();
        timer.set_relative(hours(1));
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &i64,
        _: &mut Self::State,
        _: &TimerContext,
        _: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        self.0[1].increment();
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        _: &i64,
        _: &mut Self::State,
        _: &TimerContext,
        _: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        self.0[2].increment();
        Ok(())
    }
}

/// Counts how often a result is made.
struct Counted(Counter);

impl CombineFn<i64> for Counted {
    type Accumulator = i64;
    type Output = i64;

    fn create(&self) -> i64 {
        0
    }

    fn add(&self, sum: &mut i64, n: &i64) {
        *sum += n;
    }

    fn merge(&self, sum: &mut i64, other: i64) {
        *sum += other;
    }

    fn extract(&self, sum: i64) -> i64 {
        self.0.increment();
        sum
    }
}

#[test]
fn of_closures_combiners_state_and_timers() {
    for runner in RUNNERS {
        let pipeline = Pipeline::new();
        let counter = |name: &str| pipeline.counter(name);
        let (mapped, kept) = (counter("mapped"), counter("kept"));
        let stateful = Stateful(["elements", "timers", "expirations"].map(counter));
        let numbers = pipeline.create("numbers", 0..100_i64);
        let keyed = numbers.map("map", move |n| {
            mapped.increment();
            (n % 5, n)
        });
        let keyed = keyed.filter("filter", move |(key, _)| {
            kept.add(u64::from(*key > 0));
            *key > 0
        });
        drop(keyed.combine_per_key("combine", Counted(counter("results"))));
        drop(keyed.par_do_stateful("stateful", stateful));
        runner.run(&pipeline.graph().unwrap()).unwrap();
        let names = ["mapped", "kept", "results", "elements", "timers", "expirations"];
        let values = names.map(|name| (counter(name).value(), counter(name).committed()));
        assert_eq!(values, [100, 80, 4, 80, 4, 4].map(|value| (value, value)), "{runner}");
    }
}

/// A name is one metric, wherever it is asked for; all are listed with the graph.
#[test]
fn one_name_is_one_metric() {
    for runner in RUNNERS {
        let pipeline = Pipeline::new();
        let numbers = pipeline.create("numbers", 0..10_i64);
        for name in ["one", "other"] {
            let seen = Arc::new(pipeline.counter("seen"));
            numbers.inspect(name, move |_| seen.increment());
        }
        let graph = pipeline.graph().unwrap();
        runner.run(&graph).unwrap();
        let all = graph.metrics.all();
        let [(name, purlin::metrics::Metric::Counter(seen))] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((name.as_str(), seen.value()), ("seen", 20), "{runner}");
    }
}
