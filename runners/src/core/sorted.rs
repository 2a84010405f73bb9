//! Time-sorted input: elements wait until nothing earlier can come (SEMANTICS §8).

use std::collections::BTreeMap;

use purlin_model::Timestamp;
use purlin_model::bundle::AnyBundle;

/// Elements of one shard, waiting, by time. The watermark here is the one that a transform with sorted input sees: less the lateness.
#[derive(Default)]
pub(super) struct SortedInput {
    waiting: BTreeMap<Timestamp, Box<dyn AnyBundle>>,
}

impl SortedInput {
    /// Takes all elements out of `bundle`.
    pub(super) fn take_in(&mut self, bundle: &mut dyn AnyBundle) {
        bundle.sort_by_timestamp();
        // From the back, where splitting moves nothing but what is split off.
        while let Some(last) = bundle.len().checked_sub(1) {
            let timestamps = bundle.sides().timestamps();
            let at = timestamps.get(last);
            let start = (0..last).rev().find(|i| timestamps.get(*i) != at).map_or(0, |before| before + 1);
            let mut elements = bundle.split_off(start);
            match self.waiting.get_mut(&at) {
                Some(waiting) => waiting.append(&mut *elements),
                None => drop(self.waiting.insert(at, elements)),
            }
        }
    }

    /// The elements that wait, in order.
    pub(super) fn elements(&self) -> impl Iterator<Item = &dyn AnyBundle> {
        self.waiting.values().map(|elements| &**elements)
    }

    /// The time of the first element that waits.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|(at, _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something waits that nothing earlier can precede any more.
    pub(super) fn has_releasable(&self, watermark: Timestamp) -> bool {
        self.earliest().is_some_and(|at| at <= watermark)
    }

    /// The earliest elements, which share one time, if they need not wait any more.
    pub(super) fn release(&mut self, watermark: Timestamp) -> Option<Box<dyn AnyBundle>> {
        if !self.has_releasable(watermark) {
            return None;
        }
        self.waiting.pop_first().map(|(_, elements)| elements)
    }
}
