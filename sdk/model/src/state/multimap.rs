//! A cell that is a map to several values.

use std::any::type_name;
use std::borrow::Borrow;
use std::hash::Hash;

use super::cell::declare_cell;
use super::{Cell, Forever, Lifetime, MapCell, Now};
use crate::kernel::StatefulSpec;
use crate::{BoxError, Element, Key};

/// Any number of values by key, those of one key in the order in which they were added. For a time to live, adding a value is a write to all
/// of its key.
///
/// ```
/// use purlin_model::state::MultimapCell;
/// let mut log = MultimapCell::<String, u64>::default();
/// log.add("Ulm".to_string(), 3);
/// log.add("Ulm".to_string(), 4);
/// assert_eq!(log.get("Ulm"), [3, 4]);
/// assert!(log.get("Bern").is_empty());
/// ```
pub struct MultimapCell<K: Key, V: Element, L: Lifetime = Forever>(MapCell<K, Vec<V>, L>);

impl<K: Key, V: Element, L: Lifetime> MultimapCell<K, V, L> {
    /// Adds a value under `key`.
    pub fn add(&mut self, key: K, value: V) {
        self.0.get_or_insert_with(key, Vec::new).push(value);
    }

    /// The values under `key`.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> &[V]
    where
        K: Borrow<Q>,
    {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether there are values under `key`.
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Takes all values under `key` out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Vec<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key).unwrap_or_default()
    }

    /// Each key with its values, in no particular order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &[V])> {
        self.0.iter().map(|(key, values)| (key, values.as_slice()))
    }

    /// All keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<K: Key, V: Element, L: Lifetime> Default for MultimapCell<K, V, L> {
    fn default() -> Self {
        MultimapCell(MapCell::default())
    }
}

impl<K: Key, V: Element, L: Lifetime> Cell for MultimapCell<K, V, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("Multimap<{}, {}>", type_name::<K>(), type_name::<V>()), into);
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
