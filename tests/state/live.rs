//! Timers by the real clock, while the pipeline runs.

use std::thread;

use purlin::io::memory;
use purlin::prelude::*;
use purlin::state::ProcessingTimer;
use purlin_tests::{Live, PATIENCE, eventually, within};

/// Calls a while after each element.
#[derive(Clone)]
struct CallLater;

impl StatefulDoFn<i64, i64> for CallLater {
    type State = ProcessingTimer;
    type Out = Output<i64>;

    fn process(
        &mut self,
        _: &i64,
        _: i64,
        timer: &mut ProcessingTimer,
        _: &StateContext,
        _: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        timer.set_relative(milliseconds(30));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &i64,
        _: &mut ProcessingTimer,
        _: &TimerContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        out.emit(*key);
        Ok(())
    }
}

#[test]
fn a_processing_time_timer_fires_while_nothing_comes() {
    for workers in [1, 4] {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let numbers = pipeline.read("numbers", stream);
        numbers.key_by("itself", |n: &i64| *n).par_do_stateful("call", CallLater).write("results", results.sink());
        let graph = pipeline.graph().expect("a sound graph");
        let run = thread::spawn(move || StreamRunner::new().parallelism(workers).run(&graph));
        let mut so_far = Vec::new();
        for n in 0..3 {
            sender.send(n, Timestamp::from_millis(n));
            so_far.push(n);
            eventually("the timer", PATIENCE, || (results.values() == so_far).then_some(()));
        }
        sender.close();
        within("the pipeline's end", PATIENCE, || run.join()).expect("no panic").expect("no failure");
        assert_eq!(results.values(), so_far);
    }
}
