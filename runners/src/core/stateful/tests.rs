//! The machine by itself: what it holds, fires, drops and frees, whatever the budget.

use std::sync::Arc;

use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::graph::Op;
use purlin_model::state::{
    EventTime, EventTimer, Expires, OutputTime, ProcessingTimer, ProcessingTimerFamily, State, Value, WindowExpiration,
};
use purlin_model::window::{Fixed, WindowFn};
use purlin_model::{Output, PCollection, Pipeline, StateContext, StatefulDoFn, TimerContext, milliseconds};

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// What an element asks for.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
enum Ask {
    Event(i64),
    Holding(i64, i64),
    /// By processing time.
    Wake(u64),
    /// The same, many.
    Calls(u64),
    Clear,
    Nothing,
}

#[derive(State)]
#[state(crate = "purlin_model")]
struct Cells {
    seen: Value<u64, Expires<EventTime, 10>>,
    timer: EventTimer,
    wake: ProcessingTimer,
    calls: ProcessingTimerFamily<u64>,
    end: WindowExpiration,
}

#[derive(Clone)]
struct Asked;

impl StatefulDoFn<u32, Ask> for Asked {
    type State = Cells;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u32,
        ask: Ask,
        cells: &mut Cells,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        match ask {
            Ask::Event(ms) => cells.timer.set(at(ms)),
            Ask::Holding(ms, hold) => cells.timer.set_with_output(at(ms), OutputTime::At(at(hold))),
            Ask::Wake(ms) => cells.wake.set_relative(milliseconds(ms)),
            Ask::Calls(count) => (0..count).for_each(|n| cells.calls.set_relative(n, milliseconds(n % 7))),
            Ask::Clear => {
                cells.timer.clear();
                cells.wake.clear();
            }
            Ask::Nothing => cells.seen.set(1),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u32,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let name = if cells.timer.fired() { "timer" } else { "call" };
        out.emit(format!("{key} {name} {}", cx.firing_time().millis()));
        // A call calls again.
        if let Some(tag) = cells.calls.fired().copied() {
            cells.calls.set_relative(tag, milliseconds(1));
        }
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u32,
        _: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("{key} ends at {}", cx.timestamp().millis()));
        Ok(())
    }
}

/// The kernel of the last transform that `build` applies.
fn kernel<D: StatefulDoFn<u32, Ask, Out = Output<String>>>(do_fn: D) -> Arc<dyn StatefulKernel> {
    let pipeline = Pipeline::new();
    let pairs: PCollection<(u32, Ask)> = pipeline.create("pairs", []);
    drop(pairs.par_do_stateful_with_dropped("asked", do_fn));
    let graph = pipeline.graph().expect("a sound graph");
    match &graph.nodes[1].op {
        Op::Stateful(kernel) => kernel.clone(),
        other => panic!("{}", other.kind()),
    }
}

struct Shard {
    machine: StatefulMachine,
    outs: Vec<Box<dyn AnyBundle>>,
    budget: usize,
}

/// A shard with a lateness of 5 ms and windows of 100 ms.
fn shard(budget: usize) -> Shard {
    shard_of(Asked, budget)
}

fn shard_of<D: StatefulDoFn<u32, Ask, Out = Output<String>>>(do_fn: D, budget: usize) -> Shard {
    let dropped = Bundle::<purlin_model::Dropped<(u32, Ask)>>::new();
    let machine = StatefulMachine::new(kernel(do_fn), 5, std::collections::HashMap::new()).expect("it is set up");
    Shard { machine, outs: vec![Box::new(Bundle::<String>::new()), Box::new(dropped)], budget }
}

impl Shard {
    fn process(&mut self, elements: &[(u32, Ask, i64)]) -> Vec<String> {
        let mut bundle = Bundle::new();
        for (key, ask, ms) in elements {
            let windows = Fixed::of(milliseconds(100)).assign(at(*ms));
            bundle.push((*key, *ask), ElementSides { windows, ..ElementSides::at(at(*ms)) });
        }
        let now_ms = self.machine.now_ms.max(0);
        self.machine.process(&mut bundle, now_ms, &mut self.outs).expect("they are taken");
        self.take()
    }

    fn advance(&mut self, watermark: Timestamp) -> Vec<String> {
        let now_ms = self.machine.now_ms.max(0);
        while !self.machine.advance(watermark, now_ms, self.budget, &mut self.outs).expect("it goes on") {}
        self.take()
    }

    fn pass(&mut self, now_ms: i64) -> Vec<String> {
        while !self.machine.advance_processing_time(now_ms, self.budget, &mut self.outs).expect("it goes on") {}
        self.take()
    }

    fn take(&mut self) -> Vec<String> {
        let out = self.outs[0].downcast::<String>();
        out.drain().map(|(text, _)| text).collect()
    }

    fn output(&self) -> i64 {
        self.machine.output_watermark().millis()
    }
}

/// Every budget that matters.
const BUDGETS: [usize; 3] = [1, 3, usize::MAX];

#[test]
fn the_output_watermark_stands_at_the_earliest_hold() {
    for budget in BUDGETS {
        let mut shard = shard(budget);
        shard.process(&[(1, Ask::Holding(60, 20), 10), (2, Ask::Holding(70, 20), 10), (3, Ask::Event(40), 10)]);
        shard.advance(at(15));
        assert_eq!(shard.output(), 15);
        shard.advance(at(30));
        assert_eq!(shard.output(), 20);
        assert_eq!(shard.advance(at(61)), ["3 timer 40", "1 timer 60"]);
        assert_eq!(shard.output(), 20, "the second hold at that time is still there");
        shard.process(&[(2, Ask::Clear, 61)]);
        assert_eq!(shard.output(), 61, "clearing a timer ends its hold");
        shard.advance(at(104));
        assert_eq!(shard.output(), 99, "what the end of the window emits is not late");
        assert_eq!(shard.advance(at(105)).len(), 3);
        assert_eq!(shard.output(), 105);
        assert!(shard.machine.awaits_nothing());
    }
}

#[test]
fn an_advance_under_a_budget_does_the_same_in_steps() {
    let run = |budget| {
        let mut shard = shard(budget);
        let asks: Vec<_> = (0..50).map(|key| (key, Ask::Event(i64::from(90 - key)), 3)).collect();
        shard.process(&asks);
        let mut told = shard.advance(at(60));
        let mut at_end = shard.advance(at(1000));
        // In which order keys of one window end is not said.
        let timers = at_end.iter().position(|text| text.contains("ends")).expect("windows end");
        at_end[timers..].sort();
        told.extend(at_end);
        assert_eq!(shard.machine.run.len(), 0);
        assert!(shard.machine.awaits_nothing());
        told
    };
    let all = run(usize::MAX);
    assert_eq!(all.len(), 100);
    assert_eq!(all[0], "49 timer 41");
    assert_eq!(run(1), all);
    assert_eq!(run(7), all);

    let mut shard = shard(2);
    shard.process(&[(1, Ask::Event(10), 3), (2, Ask::Event(20), 3), (3, Ask::Event(30), 3)]);
    assert!(!shard.machine.advance(at(90), 0, 2, &mut shard.outs).expect("it goes on"));
    assert_eq!(shard.take(), ["1 timer 10", "2 timer 20"]);
    assert_eq!(shard.output(), Timestamp::MIN.millis(), "it moves after all that is due");
    assert!(shard.machine.advance(at(90), 0, 2, &mut shard.outs).expect("it goes on"));
    assert_eq!((shard.take(), shard.output()), (vec!["3 timer 30".to_string()], 90));
}

#[test]
fn a_timer_set_in_the_past_fires_at_once() {
    let mut shard = shard(usize::MAX);
    shard.advance(at(50));
    assert_eq!(shard.process(&[(1, Ask::Event(20), 60), (2, Ask::Event(50), 60)]), ["1 timer 20"]);
    assert_eq!(shard.advance(at(51)), ["2 timer 50"]);
}

#[test]
fn processing_time_timers_are_due_after_their_time() {
    let mut shard = shard(1);
    shard.pass(100);
    shard.process(&[(1, Ask::Wake(10), 5), (2, Ask::Wake(20), 5)]);
    assert_eq!(shard.machine.earliest_pending_processing_time(), Some(110));
    assert!(shard.pass(110).is_empty());
    assert_eq!(shard.pass(111), ["1 call 110"]);
    assert_eq!(shard.machine.earliest_pending_processing_time(), Some(120));
    // With the window they go, unfired.
    shard.advance(at(500));
    assert_eq!(shard.machine.earliest_pending_processing_time(), None);
    assert!(shard.pass(1000).is_empty());
}

/// What those firings set does not fire: the end comes, and soon, though each sets itself again.
#[test]
fn at_the_end_of_time_each_pending_timer_fires_once_in_order() {
    for budget in BUDGETS {
        let mut shard = shard(budget);
        shard.process(&[(1, Ask::Calls(5000), 5)]);
        // The clock goes on meanwhile.
        let mut told = Vec::new();
        for now_ms in 0.. {
            let outs = &mut shard.outs;
            let done = shard.machine.advance(Timestamp::MAX, now_ms, budget, outs).expect("it goes on")
                && shard.machine.advance_processing_time(now_ms, budget, outs).expect("it goes on");
            told.extend(shard.take());
            if done {
                break;
            }
        }
        let times: Vec<&str> = told.iter().filter_map(|text| text.strip_prefix("1 call ")).collect();
        assert_eq!(times.len(), 5000);
        assert!(times.is_sorted());
        assert_eq!(told.last().map(String::as_str), Some("1 ends at 99"));
        assert_eq!(shard.machine.earliest_pending_processing_time(), None);
        assert_eq!((shard.output(), shard.machine.run.len()), (Timestamp::MAX.millis(), 0));
    }
}

#[test]
fn what_is_late_is_counted_and_handed_out() {
    let mut shard = shard(usize::MAX);
    shard.advance(at(105));
    shard.process(&[(1, Ask::Nothing, 99), (2, Ask::Nothing, 100), (3, Ask::Nothing, 3)]);
    assert_eq!(shard.machine.late(), 2);
    let dropped = shard.outs[1].downcast::<purlin_model::Dropped<(u32, Ask)>>();
    let keys: Vec<u32> = dropped.drain().map(|(dropped, _)| dropped.element.0).collect();
    assert_eq!((keys, shard.machine.run.len()), (vec![1, 3], 1));
}

/// The same without an end of the window to wait for.
#[derive(Clone)]
struct Remember;

impl StatefulDoFn<u32, Ask> for Remember {
    type State = Value<u64, Expires<EventTime, 10>>;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u32,
        _: Ask,
        seen: &mut Self::State,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        seen.set(1);
        Ok(())
    }
}

#[test]
fn keys_whose_cells_have_outlived_their_time_are_freed() {
    let mut shard = shard_of(Remember, usize::MAX);
    let elements: Vec<_> = (0..100).map(|key| (key, Ask::Nothing, i64::from(key / 50))).collect();
    shard.process(&elements);
    assert!(shard.machine.awaits_nothing(), "cells alone hold nothing back");
    let mut left = |watermark: i64| {
        shard.advance(at(watermark));
        shard.machine.run.len()
    };
    // Written at 0 and 1, over after 10 and the lateness of 5; looked for every 5 ms at most.
    assert_eq!(left(14), 100);
    assert_eq!(left(20), 0);
}

#[test]
fn an_advance_looks_only_at_so_many_cells_at_once() {
    let mut shard = shard_of(Remember, usize::MAX);
    let keys = 2 * SWEPT_AT_ONCE + 1;
    shard.process(&(0..keys as u32).map(|key| (key, Ask::Nothing, 0)).collect::<Vec<_>>());
    let left = [0; 3].map(|_| {
        shard.advance(at(20));
        shard.machine.run.len()
    });
    assert_eq!(left, [keys - SWEPT_AT_ONCE, 1, 0]);
}
