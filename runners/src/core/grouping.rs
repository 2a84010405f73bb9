//! One shard of a grouping, whichever machine its windowing needs.

use std::sync::Arc;

use purlin_model::bundle::{AnyBundle, ElementSides};
use purlin_model::kernel::{Form, Grouping};
use purlin_model::window::{Window, WindowSet, Windowing};
use purlin_model::{Pane, Timestamp};

use super::trigger::TriggerMachine;
use super::whole_windows::WholeWindows;

/// Elements that a grouping dropped, by cause (SEMANTICS §4), counted per window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Their window had expired.
    pub late: u64,
    /// Their window's trigger had finished.
    pub closed: u64,
}

/// One shard of a grouping.
pub struct GroupMachine {
    kind: Kind,
    kernel: Arc<dyn Grouping>,
    /// This shard owns the result that an input without elements has, and none has come yet.
    result_if_empty: bool,
}

enum Kind {
    Whole(WholeWindows),
    Triggered(Box<TriggerMachine>),
}

impl GroupMachine {
    /// An empty shard. `shard` of `shards` says which keys are its own.
    pub fn new(kernel: Arc<dyn Grouping>, form: Form, windowing: &Windowing, shard: usize, shards: usize) -> Self {
        let result_if_empty = kernel.shard_of_empty_result(shards) == Some(shard);
        let kind = if windowing.fires_once_at_the_end() {
            Kind::Whole(WholeWindows::new(kernel.clone(), form))
        } else {
            Kind::Triggered(Box::new(TriggerMachine::new(kernel.clone(), windowing.clone())))
        };
        GroupMachine { kind, kernel, result_if_empty }
    }

    /// Takes a bundle in at processing time `now_ms`; panes that fire are appended to `out`.
    pub fn process(&mut self, bundle: &mut dyn AnyBundle, now_ms: i64, out: &mut dyn AnyBundle) {
        self.result_if_empty &= bundle.is_empty();
        match &mut self.kind {
            Kind::Whole(whole) => whole.process(bundle),
            Kind::Triggered(machine) => machine.process(bundle, now_ms, out),
        }
    }

    /// Moves the input watermark, emitting about `budget` panes; `true` once nothing is due. Call again until then.
    pub fn advance(&mut self, watermark: Timestamp, now_ms: i64, budget: usize, out: &mut dyn AnyBundle) -> bool {
        if self.result_if_empty && watermark == Timestamp::MAX {
            self.result_if_empty = false;
            let sides = ElementSides {
                timestamp: Window::GLOBAL.max_timestamp(),
                windows: WindowSet::GLOBAL,
                pane: Pane::ON_TIME_AND_ONLY,
            };
            self.kernel.empty_result(sides, out);
        }
        match &mut self.kind {
            Kind::Whole(whole) => whole.advance(watermark, budget, out),
            Kind::Triggered(machine) => machine.advance(watermark, now_ms, budget, out),
        }
    }

    /// Moves processing time; fires due timers like [`advance`](Self::advance).
    pub fn advance_processing_time(
        &mut self,
        now_ms: i64,
        synchronized_ms: i64,
        budget: usize,
        out: &mut dyn AnyBundle,
    ) -> bool {
        match &mut self.kind {
            Kind::Whole(_) => true,
            Kind::Triggered(machine) => machine.advance_processing_time(now_ms, synchronized_ms, budget, out),
        }
    }

    /// The earliest processing time whose timers have not fired; they are due strictly after it.
    pub fn next_processing_timer(&self) -> Option<i64> {
        match &self.kind {
            Kind::Whole(_) => None,
            Kind::Triggered(machine) => machine.earliest_pending_processing_time(),
        }
    }

    /// Nothing earlier will be emitted.
    pub fn output_watermark(&self) -> Timestamp {
        match &self.kind {
            Kind::Whole(whole) => whole.output_watermark(),
            Kind::Triggered(machine) => machine.output_watermark(),
        }
    }

    /// What was dropped so far.
    pub fn drops(&self) -> Drops {
        match &self.kind {
            Kind::Whole(whole) => Drops { late: whole.late(), closed: 0 },
            Kind::Triggered(machine) => Drops { late: machine.drops().late, closed: machine.drops().closed },
        }
    }

    /// How many (key, window) pairs are held.
    pub fn len(&self) -> usize {
        match &self.kind {
            Kind::Whole(whole) => whole.len(),
            Kind::Triggered(machine) => machine.len(),
        }
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use purlin_model::Trigger;
    use purlin_model::bundle::Bundle;
    use purlin_model::combine::Sum;
    use purlin_model::kernel::GroupingKernel;

    use super::*;

    #[test]
    fn a_synchronized_timer_stays_due_when_more_elements_come_after_it() {
        let kernel = Arc::new(GroupingKernel::<u8, i64, Sum>::combining(Sum));
        let trigger = Trigger::AfterSynchronizedProcessingTime.repeatedly();
        let windowing = Windowing { trigger, ..Windowing::default() };
        let mut shard = GroupMachine::new(kernel, Form::Raw, &windowing, 0, 1);
        let mut out = Bundle::<(u8, i64)>::new();
        shard.process(&mut Bundle::of(vec![(0_u8, 1_i64)]), 10, &mut out);
        shard.process(&mut Bundle::of(vec![(0_u8, 2_i64)]), 15, &mut out);
        assert!(shard.next_processing_timer().is_some_and(|due| due < 15), "it waits to be fired");
        assert!(shard.advance_processing_time(15, 15, 10, &mut out));
        assert_eq!(out.values(), [(0, 3)]);
        assert_eq!(shard.next_processing_timer(), None);
    }
}
