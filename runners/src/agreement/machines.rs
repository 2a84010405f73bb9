//! Both machines under one hood: a step goes in, and what each makes of it comes out in one notation.

use std::sync::Arc;

use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::combine::ToVec;
use purlin_model::kernel::GroupingKernel;
use purlin_model::window::{Window, Windowing};
use purlin_model::{DropCause, Dropped, Pane, Timestamp};

use super::script::Step;
use crate::core::trigger::TriggerMachine;
use crate::reference::machine::{Arrival, Emission, Machine};

/// The same grouping twice.
pub(super) struct Both {
    windowing: Windowing,
    core: TriggerMachine,
    reference: Machine<i64>,
    now_ms: i64,
    /// Each element is a number of its own.
    next: i64,
}

/// What a step leads to.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    /// The panes and drops, sorted.
    pub(super) lines: Vec<String>,
    output_watermark: Timestamp,
}

impl Both {
    pub(super) fn new(windowing: &Windowing) -> Self {
        let kernel = Arc::new(GroupingKernel::<u8, i64, ToVec>::collecting(ToVec));
        let mut core = TriggerMachine::new(kernel, windowing.clone());
        core.keep_dropped(Box::new(Bundle::<Dropped<(u8, i64)>>::new()));
        Both { windowing: windowing.clone(), core, reference: Machine::new(windowing.clone()), now_ms: 0, next: 0 }
    }

    /// What the core and the reference make of a step.
    pub(super) fn step(&mut self, step: &Step) -> (Told, Told) {
        let mut out = Bundle::<(u8, Vec<i64>)>::new();
        let outcome = match step {
            Step::Input(elements) => {
                let (mut bundle, mut arrivals) = (Bundle::new(), Vec::new());
                for (key, at) in elements {
                    let (key, timestamp, value) = (*key, Timestamp::from_millis(*at), self.next);
                    self.next += 1;
                    let windows = self.windowing.function.assign(timestamp);
                    bundle.push((key, value), ElementSides { windows, ..ElementSides::at(timestamp) });
                    let arrival = |window| Arrival { key: vec![key], timestamp, window, value };
                    arrivals.extend(windows.iter().map(arrival));
                }
                self.core.process(&mut bundle, self.now_ms, &mut out);
                self.reference.bundle(arrivals, self.now_ms)
            }
            Step::Watermark(to) => {
                assert!(self.core.advance(*to, self.now_ms, usize::MAX, &mut out), "the budget is enough");
                self.reference.advance_watermark(*to)
            }
            Step::Time { now_ms, synchronized_ms } => {
                self.now_ms = *now_ms;
                let done = self.core.advance_processing_time(*now_ms, *synchronized_ms, usize::MAX, &mut out);
                assert!(done, "the budget is enough");
                self.reference.advance_processing_time(*now_ms, *synchronized_ms)
            }
        };

        let mut dropped = Bundle::<Dropped<(u8, i64)>>::new();
        self.core.take_dropped(&mut dropped);
        let panes = out.drain().map(|((key, values), sides)| {
            let ElementSides { timestamp, windows, pane } = sides;
            pane_line(key, windows.first(), values, timestamp, pane)
        });
        let drops = dropped.drain().map(|(one, sides)| {
            let (key, value) = one.element;
            drop_line(key, sides.windows.first(), value, sides.timestamp, one.cause)
        });
        let core = Told::new(panes.chain(drops).collect(), self.core.output_watermark());

        let panes = outcome.emitted.into_iter().map(|one| {
            let Emission { key, window, values, timestamp, pane } = one;
            pane_line(key[0], window, values, timestamp, pane)
        });
        let drops = outcome.dropped.into_iter();
        let drops = drops.map(|one| drop_line(one.key[0], one.window, one.value, one.timestamp, one.cause));
        (core, Told::new(panes.chain(drops).collect(), self.reference.output_watermark()))
    }
}

impl Told {
    fn new(mut lines: Vec<String>, output_watermark: Timestamp) -> Self {
        lines.sort_unstable();
        Told { lines, output_watermark }
    }
}

fn pane_line(key: u8, window: Window, mut values: Vec<i64>, timestamp: Timestamp, pane: Pane) -> String {
    values.sort_unstable();
    let Pane { timing, index, nonspeculative_index, first, last } = pane;
    let (start, end, at) = (window.start.millis(), window.end.millis(), timestamp.millis());
    let edge = match (first, last) {
        (true, true) => " only",
        (true, false) => " first",
        (false, true) => " last",
        (false, false) => "",
    };
    format!("pane {key} [{start}, {end}) {values:?} at {at}: {timing:?} {index}, {nonspeculative_index}{edge}")
}

fn drop_line(key: u8, window: Window, value: i64, timestamp: Timestamp, cause: DropCause) -> String {
    let (start, end, at) = (window.start.millis(), window.end.millis(), timestamp.millis());
    format!("drop {key} [{start}, {end}) {value} at {at}: {cause:?}")
}
