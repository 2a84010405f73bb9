//! User code that panics or fails, in each method: the failure names the transform, and nothing is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use purlin::Failure;
use purlin::prelude::*;
use purlin::state::{EventTimer, Value, WindowExpiration};

use crate::job::RUNNERS;

const REASON: &str = "this goes wrong on purpose";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Setup,
    StartBundle,
    Process,
    Timer,
    Expiration,
    FinishBundle,
    Teardown,
}

const STEPS: [Step; 7] =
    [Step::Setup, Step::StartBundle, Step::Process, Step::Timer, Step::Expiration, Step::FinishBundle, Step::Teardown];

#[derive(State)]
struct Cells {
    last: Value<i64>,
    timer: EventTimer,
    end: WindowExpiration,
}

/// One step goes wrong.
#[derive(Clone)]
struct Bad {
    step: Option<Step>,
    panics: bool,
    /// How many instances were set up and not torn down.
    alive: Arc<AtomicI64>,
    /// How many bundles this instance has begun and not finished.
    open: i64,
}

impl Bad {
    fn reach(&self, step: Step) -> Result<(), BoxError> {
        match self.step == Some(step) {
            true if self.panics => panic!("this goes wrong on purpose"),
            true => Err(REASON.into()),
            false => Ok(()),
        }
    }
}

impl StatefulDoFn<i64, i64> for Bad {
    type State = Cells;
    type Out = Output<i64>;

    fn setup(&mut self) -> Result<(), BoxError> {
        self.alive.fetch_add(1, Ordering::Relaxed);
        self.reach(Step::Setup)
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.open += 1;
        self.reach(Step::StartBundle)
    }

    fn process(
        &mut self,
        _: &i64,
        n: i64,
        cells: &mut Cells,
        _: &StateContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        assert_eq!(self.open, 1, "elements are in one bundle");
        cells.last.set(n);
        cells.timer.set_relative(seconds(1));
        out.emit(n);
        self.reach(Step::Process)
    }

    fn on_timer(
        &mut self,
        _: &i64,
        cells: &mut Cells,
        _: &TimerContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        assert_eq!(self.open, 1, "timers are in one bundle");
        out.emit(cells.last.get().copied().unwrap_or_default() + 1000);
        self.reach(Step::Timer)
    }

    fn on_window_expiration(
        &mut self,
        _: &i64,
        cells: &mut Cells,
        _: &TimerContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        assert_eq!(self.open, 1, "expirations are in one bundle");
        out.emit(cells.last.get().copied().unwrap_or_default() + 2000);
        self.reach(Step::Expiration)
    }

    fn finish_bundle(&mut self, out: &mut Output<i64>) -> Result<(), BoxError> {
        self.open -= 1;
        out.emit_in(-1, Timestamp::from_millis(7), purlin::window::Window::GLOBAL);
        self.reach(Step::FinishBundle)
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.alive.fetch_add(-1, Ordering::Relaxed);
        self.reach(Step::Teardown)
    }
}

#[test]
fn each_method_that_goes_wrong_names_the_transform() {
    std::panic::set_hook(Box::new(|info| {
        let is_meant = info.payload().downcast_ref::<&str>() == Some(&REASON);
        if !is_meant {
            eprintln!("{info}");
        }
    }));
    for (step, panics, runner) in
        STEPS.into_iter().flat_map(|step| RUNNERS.map(|r| [(step, true, r), (step, false, r)])).flatten()
    {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let bad = Bad { step: Some(step), panics, alive: Arc::default(), open: 0 };
        let numbers = pipeline.read("numbers", MemorySource::new(0..100_i64).split_into(3).bundles_of(10));
        numbers.key_by("key", |n| n % 7).par_do_stateful("bad", bad).write("results", results.sink());
        let graph = pipeline.graph().expect("a sound graph");
        let failure = runner.run(&graph).expect_err("it goes wrong");
        let told = failure.to_string();
        assert!(told.contains(REASON), "{runner:?}, {step:?}: {told}");
        let named = match failure {
            Failure::Panic { transform, .. } if panics => transform,
            Failure::Transform { transform, .. } if !panics => transform,
            _ => panic!("{runner:?}, {step:?}: {told}"),
        };
        assert_eq!(named, "bad");
        assert!(results.take().is_empty(), "{runner:?}, {step:?}: something was published");
    }
}

#[test]
fn a_life_from_setup_to_teardown() {
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let alive = Arc::<AtomicI64>::default();
        let good = Bad { step: None, panics: false, alive: alive.clone(), open: 0 };
        let numbers = pipeline.read("numbers", MemorySource::new(0..100_i64).split_into(3).bundles_of(10));
        numbers.key_by("key", |n| n % 7).par_do_stateful("good", good).write("results", results.sink());
        runner.run(&pipeline.graph().expect("a sound graph")).expect("it runs");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{runner:?}: what was set up is torn down");
        let all = results.take();
        let count = |of: fn(&i64) -> bool| all.iter().filter(|n| of(n)).count();
        let counts = [count(|n| (0..100).contains(n)), count(|n| (1000..2000).contains(n)), count(|n| *n >= 2000)];
        assert_eq!(counts, [100, 7, 7], "{runner:?}: each element; one timer and one end for each key");
        assert!(count(|n| *n < 0) > 0, "{runner:?}: finish_bundle emits");
    }
}

/// A timer fires and nobody takes it.
#[derive(Clone)]
struct Forgetful;

impl StatefulDoFn<i64, i64> for Forgetful {
    type State = EventTimer;
    type Out = Output<i64>;

    fn process(
        &mut self,
        _: &i64,
        _: i64,
        timer: &mut EventTimer,
        _: &StateContext,
        _: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        timer.set_relative(seconds(1));
        Ok(())
    }
}

#[test]
fn a_timer_without_on_timer_fails() {
    for runner in RUNNERS {
        let pipeline = Pipeline::new();
        drop(pipeline.create("pairs", [(1_i64, 2_i64)]).par_do_stateful("forgetful", Forgetful));
        let failure = runner.run(&pipeline.graph().expect("a sound graph")).expect_err("nobody takes the timer");
        assert_eq!(
            failure.to_string(),
            "transform `forgetful` failed: a timer fired, but on_timer is not implemented",
            "{runner:?}"
        );
    }
}
