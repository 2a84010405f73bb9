//! One shard of work by key: a grouping under whichever machine its windowing needs, or a stateful transform.
//!
//! A runner hands it the bundles shuffled to the shard, watermarks and processing times; panes and elements come out, in one bundle for each
//! collection that the transform makes. While an advance says that it is not done, nothing is to be processed in between.

use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::bundle::{AnyBundle, ElementSides};
use purlin_model::graph::NodeId;
use purlin_model::kernel::Grouping;
use purlin_model::snapshot::{StateEntry, StateLog};
use purlin_model::window::{Window, WindowSet, Windowing};
use purlin_model::{BoxError, Pane, Timestamp};

use super::snapshot::{Clocks, ElementsSnapshot, FORMAT, ShardSnapshot, StateType, check_format, renumbered};
use super::stateful::{Parts, StatefulMachine};
use super::trigger::TriggerMachine;
use super::views::ViewState;
use super::whole_windows::WholeWindows;
use crate::plan::KeyedWork;

/// Elements that were dropped, by cause (SEMANTICS §4), counted per window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Their window had expired.
    pub late: u64,
    /// Their window's trigger had finished.
    pub closed: u64,
}

/// The clocks of processing time as a shard sees them, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The local processing time.
    pub local_ms: i64,
    /// The smaller of that and the upstream's [earliest pending one](KeyedMachine::earliest_pending_processing_time).
    pub synchronized_ms: i64,
}

impl Now {
    /// Nothing upstream is known to be pending.
    pub fn local(now_ms: i64) -> Now {
        Now { local_ms: now_ms, synchronized_ms: now_ms }
    }
}

/// One shard of work by key.
pub struct KeyedMachine {
    work: KeyedWork,
    windowing: Windowing,
    /// Which shard, of how many.
    shard: (usize, usize),
    kind: Kind,
    /// The results that an input without elements has, while none has come.
    if_empty: Option<Arc<dyn Grouping>>,
}

enum Kind {
    Whole(WholeWindows),
    Triggered(Box<TriggerMachine>),
    Stateful(Box<StatefulMachine>),
}

impl KeyedMachine {
    /// An empty shard, which looks up `views`. `shard` of `shards` says which keys are its own.
    pub fn new(
        work: &KeyedWork,
        windowing: &Windowing,
        views: HashMap<NodeId, ViewState>,
        (shard, shards): (usize, usize),
    ) -> Result<Self, BoxError> {
        let mut if_empty = None;
        let kind = match work {
            KeyedWork::Stateful { kernel, .. } => {
                Kind::Stateful(Box::new(StatefulMachine::new(kernel.clone(), windowing.lateness_ms(), views)?))
            }
            KeyedWork::Group { form, kernel, late_output } => {
                if_empty = (kernel.shard_of_empty_result(shards) == Some(shard)).then(|| kernel.clone());
                if windowing.fires_once_at_the_end() {
                    let mut whole = WholeWindows::new(kernel.clone(), *form);
                    if *late_output {
                        whole.keep_dropped();
                    }
                    Kind::Whole(whole)
                } else {
                    let mut machine = TriggerMachine::new(kernel.clone(), windowing.clone());
                    if *late_output {
                        machine.keep_dropped(kernel.new_dropped());
                    }
                    Kind::Triggered(Box::new(machine))
                }
            }
        };
        Ok(KeyedMachine { work: work.clone(), windowing: windowing.clone(), shard: (shard, shards), kind, if_empty })
    }

    /// From now on it keeps book of what changes, for [snapshots](Self::snapshot). Called once, before the first bundle, and before
    /// a [restore](Self::restore). Without it nothing is kept book of.
    pub fn track_changes(&mut self) {
        match &mut self.kind {
            Kind::Whole(whole) => whole.track_changes(),
            Kind::Triggered(machine) => machine.track_changes(),
            Kind::Stateful(machine) => machine.track_changes(),
        }
    }

    /// Appends the entries that have changed since the last snapshot to `log`, and gives what is not by key. Nothing is due: the last
    /// advance has said that it was done.
    pub fn snapshot(&mut self, log: &mut StateLog) -> Result<ShardSnapshot, BoxError> {
        let nothing = ElementsSnapshot::default();
        let only = |clocks| Parts { clocks, sorted: nothing.clone(), waiting: nothing.clone(), views: Vec::new() };
        let parts = match (&mut self.kind, &self.work) {
            (Kind::Whole(whole), _) => only(whole.snapshot(log)?),
            (Kind::Triggered(machine), _) => only(machine.snapshot(log)?),
            (Kind::Stateful(machine), KeyedWork::Stateful { input, .. }) => machine.snapshot(&**input, log)?,
            (Kind::Stateful(_), KeyedWork::Group { .. }) => unreachable!("a machine is made for its work"),
        };
        let Parts { clocks, sorted, waiting, views } = parts;
        // Only where the key of that result lives can it be seen that it does not come.
        let owns_empty = match &self.work {
            KeyedWork::Group { kernel, .. } => kernel.shard_of_empty_result(self.shard.1) == Some(self.shard.0),
            KeyedWork::Stateful { .. } => false,
        };
        let has_begun = owns_empty && self.if_empty.is_none();
        Ok(ShardSnapshot { format: FORMAT, shard: self.shard, clocks, has_begun, sorted, waiting, views })
    }

    /// Takes over state before the first bundle: the entries of the key groups that this shard owns, and what is not by key of all
    /// shards of the old run, however many. `old` says what the entries hold; what has another [type](StateType) now is refused.
    pub fn restore(
        &mut self,
        entries: Vec<StateEntry>,
        shards: &[ShardSnapshot],
        old: &[StateType],
    ) -> Result<(), BoxError> {
        check_format(shards.iter().map(|shard| shard.format))?;
        if old.is_empty() && !entries.is_empty() {
            return Err("the snapshot has state and does not say of which type it is".into());
        }
        let places = renumbered(old, &self.work.state_types(&self.windowing))?;
        let clocks = Clocks::after(shards, self.shard);
        if shards.iter().any(|shard| shard.has_begun) {
            self.if_empty = None;
        }
        let sorted = self.own_of(shards.iter().map(|shard| &shard.sorted))?;
        let waiting = self.own_of(shards.iter().map(|shard| &shard.waiting))?;
        let restored = match (&mut self.kind, sorted, waiting) {
            (Kind::Whole(whole), ..) => whole.restore(entries, clocks),
            (Kind::Triggered(machine), ..) => machine.restore(entries, clocks),
            (Kind::Stateful(machine), Some(sorted), Some(waiting)) => {
                // The first is the key's, which is no cell.
                let numbers: Vec<usize> = match places.split_first() {
                    None => Vec::new(),
                    Some((0, cells)) if !cells.contains(&0) => cells.iter().map(|place| place - 1).collect(),
                    Some(_) => return Err("the snapshot does not name the type of the key first, and only once".into()),
                };
                machine.restore(entries, &numbers, clocks, (sorted, waiting), shards)
            }
            (Kind::Stateful(_), ..) => unreachable!("a machine is made for its work"),
        };
        restored.map_err(|cause| format!("its state cannot be taken over from the snapshot: {cause}").into())
    }

    /// Of elements that waited in the old shards, those whose keys this one owns; `None` where none can wait.
    fn own_of<'a>(
        &self,
        all: impl Iterator<Item = &'a ElementsSnapshot>,
    ) -> Result<Option<Box<dyn AnyBundle>>, BoxError> {
        let KeyedWork::Stateful { input, .. } = &self.work else { return Ok(None) };
        let (shard, shards) = self.shard;
        let mut waiting = input.new_bundle();
        for elements in all {
            elements.read(&**input, &mut *waiting)?;
        }
        let mut dealt: Vec<_> = (0..shards).map(|_| input.new_bundle()).collect();
        self.work.partition(&mut *waiting, &mut dealt)?;
        Ok(Some(dealt.swap_remove(shard)))
    }

    /// Takes a bundle in; what fires is appended to `outs`.
    pub fn process(
        &mut self,
        bundle: &mut dyn AnyBundle,
        now: Now,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        if !bundle.is_empty() {
            self.if_empty = None;
        }
        match &mut self.kind {
            Kind::Whole(whole) => whole.process(bundle),
            Kind::Triggered(machine) => machine.process(bundle, now.local_ms, &mut *outs[0]),
            Kind::Stateful(machine) => machine.process(bundle, now.local_ms, outs)?,
        }
        self.hand_out_dropped(outs);
        Ok(())
    }

    /// Changes a view that is looked up here; elements that waited for it are processed.
    pub fn update_view(
        &mut self,
        view: NodeId,
        change: impl FnOnce(&mut ViewState),
        now: Now,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        match &mut self.kind {
            Kind::Whole(_) | Kind::Triggered(_) => Ok(()),
            Kind::Stateful(machine) => machine.update_view(view, change, now.local_ms, outs),
        }
    }

    /// Moves the input watermark, emitting about `budget` panes; `true` once nothing is due. Call again until then.
    pub fn advance(
        &mut self,
        watermark: Timestamp,
        now: Now,
        budget: usize,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<bool, BoxError> {
        if watermark == Timestamp::MAX
            && let Some(kernel) = self.if_empty.take()
        {
            let sides = ElementSides {
                timestamp: Window::GLOBAL.max_timestamp(),
                windows: WindowSet::GLOBAL,
                pane: Pane::ON_TIME_AND_ONLY,
            };
            kernel.empty_result(sides, &mut *outs[0]);
        }
        match &mut self.kind {
            Kind::Whole(whole) => Ok(whole.advance(watermark, budget, &mut *outs[0])),
            Kind::Triggered(machine) => Ok(machine.advance(watermark, now.local_ms, budget, &mut *outs[0])),
            Kind::Stateful(machine) => machine.advance(watermark, now.local_ms, budget, outs),
        }
    }

    /// Moves processing time; fires due timers like [`advance`](Self::advance).
    pub fn advance_processing_time(
        &mut self,
        now: Now,
        budget: usize,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<bool, BoxError> {
        match &mut self.kind {
            Kind::Whole(_) => Ok(true),
            Kind::Triggered(machine) => {
                Ok(machine.advance_processing_time(now.local_ms, now.synchronized_ms, budget, &mut *outs[0]))
            }
            Kind::Stateful(machine) => machine.advance_processing_time(now.local_ms, budget, outs),
        }
    }

    /// The earliest processing time whose timers have not fired; they are due strictly after it.
    pub fn earliest_pending_processing_time(&self) -> Option<i64> {
        match &self.kind {
            Kind::Whole(_) => None,
            Kind::Triggered(machine) => machine.earliest_pending_processing_time(),
            Kind::Stateful(machine) => machine.earliest_pending_processing_time(),
        }
    }

    /// Nothing earlier will be emitted.
    pub fn output_watermark(&self) -> Timestamp {
        match &self.kind {
            Kind::Whole(whole) => whole.output_watermark(),
            Kind::Triggered(machine) => machine.output_watermark(),
            Kind::Stateful(machine) => machine.output_watermark(),
        }
    }

    /// How far the output watermark could be, were this shard the whole transform.
    pub fn own_output_watermark(&mut self) -> Timestamp {
        match &mut self.kind {
            Kind::Whole(whole) => whole.output_watermark(),
            Kind::Triggered(machine) => machine.own_output_watermark(),
            Kind::Stateful(machine) => machine.own_output_watermark(),
        }
    }

    /// Holds the output watermark back to `reached`, the least of all shards' [own](Self::own_output_watermark): for runs in which what a
    /// shard emits may not depend on how many there are (SEMANTICS §11), for a pane's timing looks at it.
    pub fn hold_output_back(&mut self, reached: Timestamp) {
        match &mut self.kind {
            // It has no holds: all shards stand where their input does.
            Kind::Whole(_) => {}
            Kind::Triggered(machine) => machine.hold_output_back(reached),
            Kind::Stateful(machine) => machine.hold_output_back(reached),
        }
    }

    /// An end is wanted, as always in batch: from now on work on elements is done without waiting for any time.
    pub fn end(&mut self) {
        if let Kind::Stateful(machine) = &mut self.kind {
            machine.end();
        }
    }

    /// Whether work on elements is under way that goes on behind the input's end.
    pub fn is_working(&self) -> bool {
        matches!(&self.kind, Kind::Stateful(machine) if machine.is_working())
    }

    /// What was dropped so far.
    pub fn drops(&self) -> Drops {
        match &self.kind {
            Kind::Whole(whole) => Drops { late: whole.late(), closed: 0 },
            Kind::Triggered(machine) => Drops { late: machine.drops().late, closed: machine.drops().closed },
            Kind::Stateful(machine) => Drops { late: machine.late(), closed: 0 },
        }
    }

    /// Whether nothing is held that is still to come out.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Whole(whole) => whole.is_empty(),
            Kind::Triggered(machine) => machine.is_empty(),
            Kind::Stateful(machine) => machine.awaits_nothing(),
        }
    }

    /// After the last bundle.
    pub fn teardown(&mut self) -> Result<(), BoxError> {
        match &mut self.kind {
            Kind::Whole(_) | Kind::Triggered(_) => Ok(()),
            Kind::Stateful(machine) => machine.teardown(),
        }
    }

    fn hand_out_dropped(&mut self, outs: &mut [Box<dyn AnyBundle>]) {
        let [_, .., late] = outs else { return };
        match &mut self.kind {
            Kind::Whole(whole) => whole.take_dropped(&mut **late),
            Kind::Triggered(machine) => machine.take_dropped(&mut **late),
            Kind::Stateful(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use purlin_model::Trigger;
    use purlin_model::bundle::Bundle;
    use purlin_model::combine::Sum;
    use purlin_model::kernel::{Form, GroupingKernel};

    use super::*;

    #[test]
    fn a_synchronized_timer_stays_due_when_more_elements_come_after_it() {
        let kernel = Arc::new(GroupingKernel::<u8, i64, Sum>::combining(Sum));
        let trigger = Trigger::AfterSynchronizedProcessingTime.repeatedly();
        let windowing = Windowing { trigger, ..Windowing::default() };
        let work = KeyedWork::Group { form: Form::Raw, kernel, late_output: false };
        let mut shard = KeyedMachine::new(&work, &windowing, HashMap::new(), (0, 1)).expect("it has no lifecycle");
        let mut outs: Vec<Box<dyn AnyBundle>> = vec![Box::new(Bundle::<(u8, i64)>::new())];
        for (value, now_ms) in [(1_i64, 10), (2, 15)] {
            let mut bundle = Bundle::of(vec![(0_u8, value)]);
            shard.process(&mut bundle, Now::local(now_ms), &mut outs).expect("it is taken");
        }
        assert!(shard.earliest_pending_processing_time().is_some_and(|due| due < 15), "it waits to be fired");
        assert!(shard.advance_processing_time(Now::local(15), 10, &mut outs).expect("it fires"));
        assert_eq!(outs[0].downcast_ref::<(u8, i64)>().values(), [(0, 3)]);
        assert_eq!(shard.earliest_pending_processing_time(), None);
    }

    #[test]
    fn a_synchronized_timer_waits_for_the_upstream_whatever_the_local_time() {
        let kernel = Arc::new(GroupingKernel::<u8, i64, Sum>::combining(Sum));
        let trigger = Trigger::AfterSynchronizedProcessingTime.repeatedly();
        let windowing = Windowing { trigger, ..Windowing::default() };
        let work = KeyedWork::Group { form: Form::Raw, kernel, late_output: false };
        let mut shard = KeyedMachine::new(&work, &windowing, HashMap::new(), (0, 1)).expect("it has no lifecycle");
        let mut outs: Vec<Box<dyn AnyBundle>> = vec![Box::new(Bundle::<(u8, i64)>::new())];
        let upstream_at = |synchronized_ms| Now { local_ms: 20, synchronized_ms };
        shard.process(&mut Bundle::of(vec![(0_u8, 1_i64)]), Now::local(10), &mut outs).expect("it is taken");
        for synchronized_ms in [5, 10] {
            shard.advance_processing_time(upstream_at(synchronized_ms), 10, &mut outs).expect("it waits");
            let mut more = Bundle::of(vec![(0_u8, 2_i64)]);
            shard.process(&mut more, upstream_at(synchronized_ms), &mut outs).expect("it is taken");
        }
        assert!(outs[0].is_empty(), "the upstream has not passed 10");
        shard.advance_processing_time(upstream_at(11), 10, &mut outs).expect("it fires");
        assert_eq!(outs[0].downcast_ref::<(u8, i64)>().values(), [(0, 5)]);
    }
}
