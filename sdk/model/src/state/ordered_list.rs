//! A cell of values in the order of timestamps.

use std::any::type_name;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use super::cell::declare_cell;
use super::tracked::Tracked;
use super::{Cell, Forever, Lifetime, Now};
use crate::kernel::StatefulSpec;
use crate::{BoxError, Element, Timestamp};

/// Values by timestamp, in that order; those of one timestamp in the order in which they were added.
///
/// ```
/// use purlin_model::{Timestamp, state::OrderedList};
/// let at = Timestamp::from_millis;
/// let mut recent = OrderedList::<String>::default();
/// for (ms, text) in [(5, "last"), (1, "first"), (3, "middle")] {
///     recent.add(at(ms), text.to_string());
/// }
/// assert_eq!(recent.range(at(2)..at(5)).count(), 1);
/// recent.clear_range(..at(4));
/// assert_eq!(recent.first().map(|(at, _)| at.millis()), Some(5));
/// ```
pub struct OrderedList<T: Element, L: Lifetime = Forever> {
    held: Tracked<BTreeMap<Place, (T, L::Stamp)>>,
    now: L::Stamp,
}

/// A value's timestamp, and a number that grows with each value added.
type Place = (Timestamp, u64);

impl<T: Element, L: Lifetime> OrderedList<T, L> {
    /// Adds a value.
    pub fn add(&mut self, at: Timestamp, value: T) {
        let now = self.now;
        let (entries, changes) = self.held.entries_mut();
        let same_time = entries.range((at, 0)..=(at, u64::MAX)).next_back();
        let place = (at, same_time.map_or(0, |((_, number), _)| number + 1));
        entries.insert(place, (value, now));
        changes.note(entries.len(), || place);
    }

    /// All values with their timestamps.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Timestamp, &T)> {
        self.range(..)
    }

    /// The values with timestamps in this range.
    pub fn range(&self, range: impl RangeBounds<Timestamp>) -> impl DoubleEndedIterator<Item = (Timestamp, &T)> {
        let live = |(_, (_, written)): &(&Place, &(T, L::Stamp))| !L::is_over(*written, self.now);
        let entries = places(&range).and_then(|places| Some(self.held.entries()?.range(places)));
        entries.into_iter().flatten().filter(live).map(|((at, _), (value, _))| (*at, value))
    }

    /// The first value.
    pub fn first(&self) -> Option<(Timestamp, &T)> {
        self.iter().next()
    }

    /// The last value.
    pub fn last(&self) -> Option<(Timestamp, &T)> {
        self.iter().next_back()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match L::TIME_TO_LIVE {
            None => self.held.entries().map_or(0, BTreeMap::len),
            Some(_) => self.iter().count(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// Forgets the values with timestamps in this range.
    pub fn clear_range(&mut self, range: impl RangeBounds<Timestamp>) {
        let Some(bounds) = places(&range) else { return };
        let Some((entries, changes)) = self.held.existing_mut() else { return };
        let doomed: Vec<Place> = entries.range(bounds).map(|(place, _)| *place).collect();
        for place in doomed {
            entries.remove(&place);
            changes.note(entries.len(), || place);
        }
        self.held.free_if_unused();
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.held.clear();
    }
}

/// The bounds of the places of these timestamps; nothing if no timestamp is in the range.
fn places(range: &impl RangeBounds<Timestamp>) -> Option<(Bound<Place>, Bound<Place>)> {
    let start = match range.start_bound() {
        Bound::Included(at) => Bound::Included((*at, 0)),
        Bound::Excluded(at) => Bound::Included((at.saturating_add_millis(1), 0)),
        Bound::Unbounded => Bound::Unbounded,
    };
    let end = match range.end_bound() {
        Bound::Included(at) => Bound::Excluded((at.saturating_add_millis(1), 0)),
        Bound::Excluded(at) => Bound::Excluded((*at, 0)),
        Bound::Unbounded => Bound::Unbounded,
    };
    match (start, end) {
        // A map's `range` takes no bounds that are out of order.
        (Bound::Included(start), Bound::Excluded(end)) if start >= end => None,
        bounds => Some(bounds),
    }
}

impl<T: Element, L: Lifetime> Default for OrderedList<T, L> {
    fn default() -> Self {
        OrderedList { held: Tracked::default(), now: L::Stamp::default() }
    }
}

impl<T: Element, L: Lifetime> Cell for OrderedList<T, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("OrderedList<{}>", type_name::<T>()), into);
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    #[inline]
    fn begin(&mut self, now: Now) {
        self.now = L::stamp(now);
    }

    fn sweep(&mut self, now: Now) -> bool {
        let Some((entries, changes)) = self.held.existing_mut() else { return false };
        let (len, now) = (entries.len(), L::stamp(now));
        entries.retain(|place, (_, written)| {
            let is_over = L::is_over(*written, now);
            if is_over {
                changes.note(len, || *place);
            }
            !is_over
        });
        let frees = entries.len() < len;
        self.held.free_if_unused();
        frees
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        self.held.encode(into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.held.decode(from)
    }

    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        self.held.take_delta(into)
    }

    fn mark_saved(&mut self) {
        self.held.mark_saved();
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.held.apply_delta(from)
    }
}
