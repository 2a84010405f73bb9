//! A cell that is a set.

use std::any::type_name;
use std::borrow::Borrow;
use std::hash::Hash;

use super::cell::declare_cell;
use super::{Cell, Forever, Lifetime, MapCell, Now};
use crate::kernel::StatefulSpec;
use crate::{BoxError, Key};

/// Values without repetition.
///
/// ```
/// use purlin_model::state::SetCell;
/// let mut seen = SetCell::<u64>::default();
/// assert!(seen.insert(7));
/// assert!(!seen.insert(7), "it was there already");
/// assert!(seen.contains(&7));
/// ```
pub struct SetCell<T: Key, L: Lifetime = Forever>(MapCell<T, (), L>);

impl<T: Key, L: Lifetime> SetCell<T, L> {
    /// Adds a value; whether it is new. For a time to live, adding it again is a write too.
    pub fn insert(&mut self, value: T) -> bool {
        self.0.insert(value, ()).is_none()
    }

    /// Whether the value is there.
    pub fn contains<Q: Hash + Eq + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(value)
    }

    /// Takes a value out; whether it was there.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.remove(value).is_some()
    }

    /// All values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: Key, L: Lifetime> Default for SetCell<T, L> {
    fn default() -> Self {
        SetCell(MapCell::default())
    }
}

impl<T: Key, L: Lifetime> Cell for SetCell<T, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("Set<{}>", type_name::<T>()), into);
    }

    #[inline]
    fn is_empty(&self) -> bool {
        Cell::is_empty(&self.0)
    }

    #[inline]
    fn begin(&mut self, now: Now) {
        self.0.begin(now);
    }

    fn sweep(&mut self, now: Now) -> bool {
        self.0.sweep(now)
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        self.0.encode(into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.0.decode(from)
    }

    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        self.0.take_delta(into)
    }

    fn mark_saved(&mut self) {
        self.0.mark_saved();
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.0.apply_delta(from)
    }
}
