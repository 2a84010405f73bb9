//! Watermark holds: what the elements that wait for a pane keep the output watermark back at (SEMANTICS §5).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use purlin_model::Timestamp;
use purlin_model::window::TimestampCombiner;

/// The holds of all windows, as an ordered multiset.
#[derive(Default)]
pub(super) struct Holds {
    counts: BTreeMap<Timestamp, usize>,
}

impl Holds {
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.counts.first_key_value().map(|(at, _)| *at)
    }

    /// Moves one window's hold.
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

/// The hold of one (key, window).
#[derive(Clone, Copy, Default)]
pub(super) struct Hold {
    /// That of the elements since the last pane, and the timestamp of the next one.
    pub(super) elements: Option<Timestamp>,
    /// There are elements without one, or a closing pane will come: held at the window's gc.
    pub(super) at_gc: bool,
    /// What stands in [`Holds`] for this window.
    pub(super) registered: Option<Timestamp>,
}

/// Where an element at `at` holds in a window whose last timestamp is `window_max`.
#[inline]
pub(super) fn assigned(combiner: TimestampCombiner, at: Timestamp, window_max: Timestamp) -> Timestamp {
    match combiner {
        TimestampCombiner::EndOfWindow => window_max,
        TimestampCombiner::Earliest | TimestampCombiner::Latest => at,
    }
}

/// Two holds of one pane.
#[inline]
pub(super) fn combined(combiner: TimestampCombiner, a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    let (Some(first), Some(second)) = (a, b) else { return a.or(b) };
    Some(match combiner {
        TimestampCombiner::Earliest => first.min(second),
        TimestampCombiner::Latest | TimestampCombiner::EndOfWindow => first.max(second),
    })
}
