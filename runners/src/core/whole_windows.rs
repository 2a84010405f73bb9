//! Groupings whose windows are each emitted once, whole, when the watermark passes their end.
//!
//! The specialisation of the trigger machine for the default trigger without lateness, without merging, with END_OF_WINDOW timestamps:
//! nothing is kept per key but the accumulator, and an advance costs only the windows that close.

use std::collections::BTreeMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::kernel::{Form, Grouping, WindowTable};
use purlin_model::snapshot::{StateEntry, StateLog};
use purlin_model::window::{Window, WindowSet};
use purlin_model::{BoxError, DropCause, Timestamp};

use super::snapshot::Clocks;

/// One shard of such a grouping.
pub struct WholeWindows {
    kernel: Arc<dyn Grouping>,
    form: Form,
    table: Box<dyn WindowTable>,
    /// The windows that have a table, by their last timestamp.
    open: BTreeMap<Timestamp, Vec<Window>>,
    opened: Vec<Window>,
    watermark: Timestamp,
    emitted_up_to: Timestamp,
    late: u64,
    /// What was dropped since it was last taken; `None` where nobody takes it.
    dropped: Option<Box<dyn AnyBundle>>,
}

impl WholeWindows {
    /// An empty shard of `kernel`'s grouping.
    pub fn new(kernel: Arc<dyn Grouping>, form: Form) -> Self {
        let table = kernel.table(form, false);
        WholeWindows {
            kernel,
            form,
            table,
            open: BTreeMap::new(),
            opened: Vec::new(),
            watermark: Timestamp::MIN,
            emitted_up_to: Timestamp::MIN,
            late: 0,
            dropped: None,
        }
    }

    /// Keeps each dropped element from now on, for [`take_dropped`](Self::take_dropped). Only raw elements can be kept.
    pub fn keep_dropped(&mut self) {
        debug_assert_eq!(self.form, Form::Raw, "the planner lifts nothing that a late-data output takes");
        self.dropped = Some(self.kernel.new_dropped());
    }

    /// Moves the elements that were dropped since the last call to `into`, if they are [kept](Self::keep_dropped).
    pub fn take_dropped(&mut self, into: &mut dyn AnyBundle) {
        if let Some(dropped) = &mut self.dropped {
            into.append(&mut **dropped);
        }
    }

    /// From now on it keeps book of what changes; nothing has come yet.
    pub(super) fn track_changes(&mut self) {
        self.table = self.kernel.table(self.form, true);
    }

    /// Appends what has changed since the last snapshot to `log`; gives where it stands in time.
    pub(super) fn snapshot(&mut self, log: &mut StateLog) -> Result<Clocks, BoxError> {
        self.table.snapshot(log)?;
        Ok(Clocks { input_watermark: self.watermark, output_watermark: self.emitted_up_to, ..Clocks::START })
    }

    /// Takes over what snapshots hold.
    pub(super) fn restore(&mut self, entries: Vec<StateEntry>, clocks: Clocks) -> Result<(), BoxError> {
        (self.watermark, self.emitted_up_to) = (clocks.input_watermark, clocks.output_watermark);
        self.table.restore(entries, &mut self.opened)?;
        self.note_opened();
        Ok(())
    }

    /// Folds a bundle in; what lies in windows that have closed is dropped and counted (SEMANTICS §4).
    pub fn process(&mut self, bundle: &mut dyn AnyBundle) {
        self.drop_late(bundle);
        self.table.fold(bundle, &mut self.opened);
        self.note_opened();
    }

    fn note_opened(&mut self) {
        for window in self.opened.drain(..) {
            self.open.entry(window.max_timestamp()).or_default().push(window);
        }
    }

    /// Moves the watermark and emits closed windows, about `budget` results; `true` once nothing is due.
    pub fn advance(&mut self, watermark: Timestamp, budget: usize, out: &mut dyn AnyBundle) -> bool {
        self.watermark = self.watermark.max(watermark);
        let limit = out.len() + budget;
        while let Some(mut earliest) = self.open.first_entry() {
            if *earliest.key() >= self.watermark {
                break;
            }
            let Some(window) = earliest.get().last().copied() else {
                earliest.remove();
                continue;
            };
            if out.len() >= limit {
                return false;
            }
            if self.table.emit(window, limit - out.len(), out) {
                earliest.get_mut().pop();
            }
        }
        self.emitted_up_to = self.watermark;
        true
    }

    /// Nothing earlier will be emitted.
    pub fn output_watermark(&self) -> Timestamp {
        self.emitted_up_to
    }

    /// How many elements were dropped because their window had closed.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many (window, key) pairs are held.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    fn drop_late(&mut self, bundle: &mut dyn AnyBundle) {
        let watermark = self.watermark;
        let is_late = |window: &Window| window.max_timestamp() < watermark;
        let some_late = |set: &WindowSet| is_late(&set.first());
        if watermark == Timestamp::MIN || !bundle.sides().windows().as_slice().iter().any(some_late) {
            return;
        }
        bundle.explode_windows();
        let windows = bundle.sides().windows();
        let kept: Vec<bool> = (0..bundle.len()).map(|i| !is_late(&windows.get(i).first())).collect();
        let late = |(i, kept): (usize, &bool)| if *kept { 0 } else { self.kernel.elements(self.form, bundle, i) };
        self.late += kept.iter().enumerate().map(late).sum::<u64>();
        if let Some(dropped) = &mut self.dropped {
            let mut late = bundle.duplicate();
            late.retain_mask(&kept.iter().map(|kept| !kept).collect::<Vec<_>>());
            self.kernel.drop_into(&mut *late, DropCause::Late, &mut **dropped);
        }
        bundle.retain_mask(&kept);
    }
}

#[cfg(test)]
mod tests {
    use purlin_model::bundle::{Bundle, ElementSides};
    use purlin_model::combine::Sum;
    use purlin_model::kernel::GroupingKernel;
    use purlin_model::milliseconds;
    use purlin_model::window::{Fixed, WindowFn};

    use super::*;

    fn bundle(elements: &[(i64, i64)]) -> Bundle<(i64, i64)> {
        let mut bundle = Bundle::new();
        for (key, t) in elements {
            let at = Timestamp::from_millis(*t);
            let windows = Fixed::of(milliseconds(10)).assign(at);
            bundle.push((*key, 1), ElementSides { windows, ..ElementSides::at(at) });
        }
        bundle
    }

    #[test]
    fn a_window_closes_when_the_watermark_is_beyond_its_last_timestamp() {
        let mut shard = WholeWindows::new(Arc::new(GroupingKernel::<i64, i64, Sum>::combining(Sum)), Form::Raw);
        let mut out = Bundle::<(i64, i64)>::new();
        shard.process(&mut bundle(&[(1, 0), (1, 9), (2, 10)]));
        assert!(shard.advance(Timestamp::from_millis(9), 100, &mut out));
        assert!(out.is_empty());
        assert!(shard.advance(Timestamp::from_millis(10), 100, &mut out));
        assert_eq!(out.values(), [(1, 2)]);
        assert_eq!(out.sides().get(0).timestamp, Timestamp::from_millis(9));

        shard.process(&mut bundle(&[(1, 9), (2, 11)]));
        assert_eq!(shard.late(), 1);
        out.clear();
        assert!(shard.advance(Timestamp::MAX, 100, &mut out));
        assert_eq!(out.values(), [(2, 2)]);
        assert!(shard.is_empty());
    }

    #[test]
    fn an_advance_yields_at_its_budget_and_holds_the_watermark_until_done() {
        let mut shard = WholeWindows::new(Arc::new(GroupingKernel::<i64, i64, Sum>::combining(Sum)), Form::Raw);
        let elements: Vec<(i64, i64)> = (0..25).map(|key| (key, 0)).collect();
        shard.process(&mut bundle(&elements));
        let mut seen = 0;
        let mut calls = 0;
        loop {
            let mut out = Bundle::<(i64, i64)>::new();
            let done = shard.advance(Timestamp::MAX, 10, &mut out);
            seen += out.len();
            calls += 1;
            if done {
                break;
            }
            assert_eq!(shard.output_watermark(), Timestamp::MIN);
        }
        assert_eq!((seen, calls), (25, 3));
        assert_eq!(shard.output_watermark(), Timestamp::MAX);
    }
}
