//! Watermark holds as an ordered multiset: the earliest is what the output watermark may not pass (SEMANTICS §5).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use purlin_model::Timestamp;

/// Holds, each as often as it is held.
#[derive(Default)]
pub(super) struct Holds {
    counts: BTreeMap<Timestamp, usize>,
}

impl Holds {
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.counts.first_key_value().map(|(at, _)| *at)
    }

    /// Moves one hold.
    pub(super) fn replace(&mut self, before: Option<Timestamp>, after: Option<Timestamp>) {
        if before == after {
            return;
        }
        if let Some(after) = after {
            *self.counts.entry(after).or_default() += 1;
        }
        if let Some(before) = before
            && let Entry::Occupied(mut held) = self.counts.entry(before)
        {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}
