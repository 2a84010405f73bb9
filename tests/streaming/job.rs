//! A streaming pipeline at work on a thread of its own.

use std::fmt::Debug;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use purlin::Failure;
use purlin::prelude::*;
use purlin::runners::{Observer, StopHandle, StopMode};
use purlin_tests::{Live, PATIENCE, eventually, within};

/// Numbers of workers that every test is run with.
pub(crate) const WORKERS: [usize; 3] = [1, 2, 8];

/// How long to look on when nothing is to happen: what holds is seen to hold, never taken for granted because of slowness.
pub(crate) const A_WHILE: Duration = Duration::from_millis(250);

pub(crate) struct Job {
    pub(crate) observer: Arc<Observer>,
    stop: StopHandle,
    run: JoinHandle<Result<(), Failure>>,
}

impl Job {
    pub(crate) fn start(pipeline: &Pipeline, workers: usize) -> Job {
        let graph = pipeline.graph().expect("a sound graph");
        let observer = Arc::new(Observer::default());
        let runner = StreamRunner::new().parallelism(workers).observer(observer.clone());
        let stop = runner.stop_handle();
        Job { observer, stop, run: std::thread::spawn(move || runner.run(&graph)) }
    }

    /// Tells it to stop, and waits for its end.
    pub(crate) fn stop(self, mode: StopMode) -> Arc<Observer> {
        self.stop.stop(mode);
        self.end()
    }

    /// Tells it to stop.
    pub(crate) fn ask_to_stop(&self, mode: StopMode) {
        self.stop.stop(mode);
    }

    /// Whether it goes on.
    pub(crate) fn is_running(&self) -> bool {
        !self.run.is_finished()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Arc<Observer> {
        let run = self.run;
        within("the pipeline's end", PATIENCE, || run.join()).expect("no panic").expect("no failure");
        self.observer
    }
}

/// Waits until exactly these values have been written, in any order.
pub(crate) fn wait_for<T: Element + Ord + Debug>(results: &Live<T>, expected: &[T]) {
    let mut seen = Vec::new();
    let what = format!("{expected:?}");
    eventually(&what, PATIENCE, || {
        seen = results.values();
        (seen.len() >= expected.len()).then_some(())
    });
    assert_eq!(seen, expected);
}

/// Looks on for a while: nothing but these values is written.
pub(crate) fn stays<T: Element + Ord + Debug>(results: &Live<T>, expected: &[T]) {
    std::thread::sleep(A_WHILE);
    assert_eq!(results.values(), expected);
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}
