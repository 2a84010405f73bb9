//! Groupings under any windowing: the keyed machine that SEMANTICS §4 to §7 describe.
//!
//! [`TriggerMachine`] is one shard. It is driven by bundles, watermarks and processing times, reads no clock, and gives panes. One
//! thing happens at a time: a bundle is taken in, and then each (key, window) that it touched is asked once whether it
//! fires; or a clock moves, and each (key, window) with a due timer is woken once. The output watermark moves afterwards.
//!
//! - `windows`: what is held, per (key, window); `holds`, `panes` and `timers` are the parts of that.
//! - `arriving` and `merging`: elements find their windows.
//! - `firing`: windows are asked, fire, and expire.
//! - `saving`: snapshots.
//! - `tree`, `asking` and `reviving`: the trigger; its shape, its life, and what merging makes of it.

mod arriving;
mod asking;
mod drops;
mod firing;
mod holds;
mod merging;
mod panes;
mod reviving;
mod saving;
mod timers;
mod tree;
mod windows;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use purlin_model::Timestamp;
use purlin_model::bundle::AnyBundle;
use purlin_model::kernel::{GroupStore, Grouping};
use purlin_model::window::Windowing;

pub use drops::Drops;

use super::holds::Holds;
use arriving::Scratch;
use saving::Book;
use timers::{Domain, Timers};
use tree::{Clock, Tree};
use windows::Windows;

/// One shard of a grouping under any windowing.
pub struct TriggerMachine {
    store: Box<dyn GroupStore>,
    windowing: Windowing,
    tree: Tree,
    windows: Windows,
    timers: Timers,
    holds: Holds,
    clock: Clock,
    output_watermark: Timestamp,
    drops: Drops,
    scratch: Scratch,
    /// What has changed, where snapshots are taken.
    book: Option<Box<Book>>,
}

impl TriggerMachine {
    /// An empty shard.
    pub fn new(kernel: Arc<dyn Grouping>, windowing: Windowing) -> Self {
        let tree = Tree::new(&windowing.trigger, windowing.is_merging());
        TriggerMachine {
            store: kernel.store(),
            windowing,
            windows: Windows::new(tree.words()),
            tree,
            timers: Timers::default(),
            holds: Holds::default(),
            clock: Clock { watermark: Timestamp::MIN, now_ms: i64::MIN, synchronized_ms: i64::MIN },
            output_watermark: Timestamp::MIN,
            drops: Drops::default(),
            scratch: Scratch::default(),
            book: None,
        }
    }

    /// Takes in a bundle of raw `(K, V)` at processing time `now_ms`. Panes that fire are appended to `out`, a bundle of `(K, Out)`.
    pub fn process(&mut self, bundle: &mut dyn AnyBundle, now_ms: i64, out: &mut dyn AnyBundle) {
        self.clock.now_ms = self.clock.now_ms.max(now_ms);
        if bundle.is_empty() {
            return;
        }
        let touched = self.take_in(bundle);
        for slot in &touched {
            self.feed(*slot);
            self.ask(*slot, out);
        }
        if self.book.is_some() {
            touched.iter().for_each(|slot| self.note_change(*slot));
        }
        self.put_back(touched);
        self.move_output_watermark();
    }

    /// Moves the input watermark and wakes what is due, about `budget` (key, window)s; `true` once nothing is.
    ///
    /// Until then call again with the same watermark, and process nothing in between; the output watermark waits.
    pub fn advance(&mut self, watermark: Timestamp, now_ms: i64, budget: usize, out: &mut dyn AnyBundle) -> bool {
        self.clock.watermark = self.clock.watermark.max(watermark);
        self.clock.now_ms = self.clock.now_ms.max(now_ms);
        let mut left = budget.max(1);
        self.wake_due(Domain::Event, self.clock.watermark.millis(), &mut left, out) && self.move_output_watermark()
    }

    /// Moves processing time and wakes what is due, like [`advance`](Self::advance). `synchronized_ms` is the smaller of
    /// `now_ms` and the upstream's [earliest pending processing time](Self::earliest_pending_processing_time).
    pub fn advance_processing_time(
        &mut self,
        now_ms: i64,
        synchronized_ms: i64,
        budget: usize,
        out: &mut dyn AnyBundle,
    ) -> bool {
        self.clock.now_ms = self.clock.now_ms.max(now_ms);
        self.clock.synchronized_ms = self.clock.synchronized_ms.max(synchronized_ms);
        let Clock { now_ms, synchronized_ms, .. } = self.clock;
        let mut left = budget.max(1);
        self.wake_due(Domain::Processing, now_ms, &mut left, out)
            && self.wake_due(Domain::Synchronized, synchronized_ms, &mut left, out)
            && self.move_output_watermark()
    }

    /// Nothing earlier will be emitted: the input watermark or the earliest hold, whichever is less.
    pub fn output_watermark(&self) -> Timestamp {
        self.output_watermark
    }

    /// The output watermark, moved as far as this shard's own holds let it.
    pub fn own_output_watermark(&mut self) -> Timestamp {
        self.move_output_watermark();
        self.output_watermark
    }

    /// Sets the output watermark back to `reached`, which nobody downstream has seen it pass.
    pub fn hold_output_back(&mut self, reached: Timestamp) {
        self.output_watermark = self.output_watermark.min(reached);
    }

    /// The earliest processing time at which a timer is due, for waking the machine then. One that is due and only
    /// waits for the upstream is left out: it fires when the synchronized time moves.
    pub fn next_processing_timer(&self) -> Option<i64> {
        let due = |domain| self.timers.first(domain).map(|(target_ms, _)| target_ms.saturating_add(1));
        let synchronized = due(Domain::Synchronized).filter(|at| *at > self.clock.now_ms);
        due(Domain::Processing).into_iter().chain(synchronized).min()
    }

    /// What triggers downstream may not overtake by their synchronized processing time.
    pub fn earliest_pending_processing_time(&self) -> Option<i64> {
        let first = |domain| self.timers.first(domain).map(|(target_ms, _)| target_ms);
        first(Domain::Processing).into_iter().chain(first(Domain::Synchronized)).min()
    }

    /// What was dropped so far.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Keeps each dropped element from now on, in `empty`, a bundle of [`Dropped`](purlin_model::Dropped), for [`take_dropped`](Self::take_dropped).
    pub fn keep_dropped(&mut self, empty: Box<dyn AnyBundle>) {
        self.drops.kept = Some(empty);
    }

    /// Moves the elements that were dropped since the last call to `into`, if they are [kept](Self::keep_dropped).
    pub fn take_dropped(&mut self, into: &mut dyn AnyBundle) {
        self.drops.take(into);
    }

    /// How many (key, window)s are held, those included of which only is known that their trigger has finished.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves the output watermark once everything has fired; `true`, for that is when an advance is done.
    fn move_output_watermark(&mut self) -> bool {
        let held = self.holds.earliest().unwrap_or(Timestamp::MAX);
        self.output_watermark = self.output_watermark.max(self.clock.watermark.min(held));
        true
    }
}
