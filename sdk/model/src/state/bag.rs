//! A cell to which values are only added.

use std::any::type_name;

use super::bytes::{put, put_all, take, take_all};
use super::cell::declare_cell;
use super::{Cell, Forever, Lifetime, Now};
use crate::kernel::StatefulSpec;
use crate::{BoxError, Element};

/// Values in the order in which they were added.
///
/// ```
/// use purlin_model::state::Bag;
/// let mut recent = Bag::<i64>::default();
/// recent.add(3);
/// recent.add(4);
/// assert_eq!(recent.iter().sum::<i64>(), 7);
/// assert_eq!(recent.take(), [3, 4]);
/// assert!(recent.is_empty());
/// ```
pub struct Bag<T, L: Lifetime = Forever> {
    held: Vec<(T, L::Stamp)>,
    now: L::Stamp,
    /// So many values, from the first on, were in the last delta.
    saved: usize,
    /// Values that were in a delta are gone: the next is the full form.
    is_replaced: bool,
}

impl<T: Element, L: Lifetime> Bag<T, L> {
    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: T) {
        self.held.push((value, self.now));
    }

    /// The values, in the order in which they were added.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.held.iter().filter(|(_, written)| !L::is_over(*written, self.now)).map(|(value, _)| value)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        if L::TIME_TO_LIVE.is_none() { self.held.len() } else { self.iter().count() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Takes all values out.
    pub fn take(&mut self) -> Vec<T> {
        let now = self.now;
        let held = std::mem::take(&mut self.held);
        self.note_removal();
        held.into_iter().filter(|(_, written)| !L::is_over(*written, now)).map(|(value, _)| value).collect()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.held = Vec::new();
        self.note_removal();
    }

    fn note_removal(&mut self) {
        self.is_replaced |= self.saved > 0;
        self.saved = 0;
    }
}

impl<T, L: Lifetime> Default for Bag<T, L> {
    fn default() -> Self {
        Bag { held: Vec::new(), now: L::Stamp::default(), saved: 0, is_replaced: false }
    }
}

impl<T: Element, L: Lifetime> Cell for Bag<T, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("Bag<{}>", type_name::<T>()), into);
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
        let before = self.held.len();
        self.held.retain(|(_, written)| !L::is_over(*written, L::stamp(now)));
        let frees = self.held.len() < before;
        if frees {
            self.note_removal();
            self.held.shrink_to_fit();
        }
        frees
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        put_all(self.held.len(), self.held.iter(), into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.held.clear();
        take_all(from, |value| self.held.push(value))
    }

    /// Whether it replaces what there was, then the values that came since.
    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        let added = &self.held[self.saved..];
        if added.is_empty() && !self.is_replaced {
            return Ok(false);
        }
        put(&self.is_replaced, into)?;
        put_all(added.len(), added.iter(), into)?;
        self.is_replaced = false;
        self.saved = self.held.len();
        Ok(true)
    }

    fn mark_saved(&mut self) {
        self.is_replaced = false;
        self.saved = self.held.len();
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        if take(from)? {
            self.held.clear();
        }
        take_all(from, |value| self.held.push(value))
    }
}
