//! Drives a machine through a scenario and writes down what each step gives, in the notation of the expected outcome.

use std::sync::Arc;

use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::combine::ToVec;
use purlin_model::kernel::GroupingKernel;
use purlin_model::window::{Window, Windowing};
use purlin_model::{DropCause, Dropped, Timestamp, Timing};

use super::super::TriggerMachine;

type Panes = Bundle<(i64, Vec<i64>)>;

pub(super) struct Harness {
    pub(super) machine: TriggerMachine,
    windowing: Windowing,
    now_ms: i64,
    keys: i64,
    budget: usize,
}

type DroppedElements = Bundle<Dropped<(i64, i64)>>;

/// Values of key k are moved by k times this, so that one in another key's pane would show.
const KEY_STRIDE: i64 = 1_000_000;

impl Harness {
    /// Runs scripts for `keys` keys at once, each advance in calls of `budget`.
    pub(super) fn new(windowing: &Windowing, keys: i64, budget: usize) -> Self {
        let kernel = Arc::new(GroupingKernel::<i64, i64, ToVec>::collecting(ToVec));
        let mut machine = TriggerMachine::new(kernel, windowing.clone());
        machine.keep_dropped(Box::new(DroppedElements::new()));
        Harness { machine, windowing: windowing.clone(), now_ms: 0, keys, budget }
    }

    /// What the step gives for each key, sorted. Drops are not told apart by key: each key's share is returned.
    pub(super) fn step(&mut self, step: &str) -> Vec<Vec<String>> {
        let mut out = Panes::new();
        let held_at = self.machine.output_watermark();
        let (word, rest) = step.split_once(' ').expect("a word and its arguments");
        match word {
            "input" => {
                let mut bundle = self.bundle(rest.split(' ').map(|at| at.parse().expect("a timestamp")));
                self.machine.process(&mut bundle, self.now_ms, &mut out);
            }
            "watermark" => {
                let to = match rest {
                    "inf" => Timestamp::MAX,
                    at => Timestamp::from_millis(at.parse().expect("a timestamp")),
                };
                while !self.machine.advance(to, self.now_ms, self.budget, &mut out) {
                    assert_eq!(self.machine.output_watermark(), held_at, "it moves after all firings");
                }
            }
            "time" => {
                self.now_ms += rest[1..].parse::<i64>().expect("milliseconds");
                while !self.machine.advance_processing_time(self.now_ms, self.now_ms, self.budget, &mut out) {}
                assert!(
                    self.machine.next_processing_timer().is_none_or(|at| at > self.now_ms),
                    "all that was due fired"
                );
            }
            other => panic!("no step is called {other}"),
        }
        assert!(self.machine.output_watermark() >= held_at, "the output watermark never goes back");
        self.told(out, held_at)
    }

    fn bundle(&self, timestamps: impl Iterator<Item = i64>) -> Bundle<(i64, i64)> {
        let mut bundle = Bundle::new();
        for millis in timestamps {
            let at = Timestamp::from_millis(millis);
            for key in 0..self.keys {
                let sides = ElementSides { windows: self.windowing.function.assign(at), ..ElementSides::at(at) };
                bundle.push((key, millis + key * KEY_STRIDE), sides);
            }
        }
        bundle
    }

    fn told(&mut self, mut out: Panes, held_at: Timestamp) -> Vec<Vec<String>> {
        let mut lines = vec![Vec::new(); self.keys as usize];
        for ((key, values), sides) in out.drain() {
            let late = sides.pane.timing == Timing::Late;
            assert!(late || sides.timestamp >= held_at, "what is not late is not behind the output watermark");
            let mut values: Vec<i64> = values.iter().map(|value| value - key * KEY_STRIDE).collect();
            values.sort_unstable();
            let timing = match sides.pane.timing {
                Timing::Early => "EARLY",
                Timing::OnTime => "ON_TIME",
                Timing::Late => "LATE",
                Timing::Unknown => "UNKNOWN",
            };
            let timestamp = match sides.timestamp {
                Timestamp::GLOBAL_MAX => "\"GLOBAL_MAX\"".to_owned(),
                at => at.millis().to_string(),
            };
            let window = bounds(sides.windows.single().expect("a pane is of one window"));
            let (index, nonspeculative) = (sides.pane.index, sides.pane.nonspeculative_index);
            let (first, last) = (sides.pane.first, sides.pane.last);
            lines[key as usize].push(format!(
                r#"pane {{"window":{window},"values":{values:?},"timestamp":{timestamp},"timing":"{timing}","index":{index},"nonspeculative_index":{nonspeculative},"first":{first},"last":{last}}}"#
            ));
        }
        let mut dropped = DroppedElements::new();
        self.machine.take_dropped(&mut dropped);
        let drops = drop_lines(&dropped, self.keys as usize);
        for lines in &mut lines {
            lines.extend_from_slice(&drops);
            lines.sort();
        }
        lines
    }
}

fn drop_lines(dropped: &DroppedElements, keys: usize) -> Vec<String> {
    let of = |cause| dropped.iter().filter(move |(one, _)| one.cause == cause);
    let closed = of(DropCause::Closed).count();
    assert_eq!(closed % keys, 0, "every key drops the same");
    let mut lines: Vec<String> = of(DropCause::Late)
        .map(|(_, sides)| {
            let window = sides.windows.single().expect("it is dropped window by window");
            format!(r#"drop {{"reason":"lateness","ts":{},"window":{}}}"#, sides.timestamp.millis(), bounds(window))
        })
        .collect();
    lines.sort();
    let mut lines: Vec<String> = lines.into_iter().step_by(keys).collect();
    if closed > 0 {
        lines.push(format!(r#"drop {{"reason":"closed_window","n":{}}}"#, closed / keys));
    }
    lines
}

fn bounds(window: Window) -> String {
    if window.is_global() {
        "\"GLOBAL\"".to_owned()
    } else {
        format!("[{},{}]", window.start.millis(), window.end.millis())
    }
}
