//! A cell that is a map.

use std::any::type_name;
use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::cell::declare_cell;
use super::tracked::Tracked;
use super::{Cell, Forever, Lifetime, Now};
use crate::kernel::StatefulSpec;
use crate::{BoxError, Element, Key};

/// Values by key.
///
/// ```
/// use purlin_model::state::MapCell;
/// let mut by_city = MapCell::<String, u64>::default();
/// *by_city.get_or_insert_with("Ulm".to_string(), || 0) += 1;
/// assert_eq!(by_city.get("Ulm"), Some(&1));
/// assert_eq!(by_city.remove("Ulm"), Some(1));
/// assert!(by_city.is_empty());
/// ```
pub struct MapCell<K: Key, V: Element, L: Lifetime = Forever> {
    held: Tracked<HashMap<K, (V, L::Stamp), FixedState>>,
    now: L::Stamp,
}

impl<K: Key, V: Element, L: Lifetime> MapCell<K, V, L> {
    /// The value under `key`.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (value, written) = self.held.entries()?.get(key)?;
        (!L::is_over(*written, self.now)).then_some(value)
    }

    /// Whether there is a value under `key`.
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value under `key` to change, if there is one; that is a write.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let now = self.now;
        let (entries, changes) = self.held.existing_mut()?;
        let len = entries.len();
        let (key, (value, written)) = entries.get_key_value_mut(key)?;
        if L::is_over(*written, now) {
            return None;
        }
        changes.note(len, || key.clone());
        *written = now;
        Some(value)
    }

    /// The value under `key` to change; what `first` gives if there is none. That is a write.
    pub fn get_or_insert_with(&mut self, key: K, first: impl FnOnce() -> V) -> &mut V {
        let now = self.now;
        let (entries, changes) = self.held.entries_mut();
        changes.note(entries.len(), || key.clone());
        let (value, written) = match entries.entry(key) {
            Entry::Vacant(vacant) => vacant.insert((first(), now)),
            Entry::Occupied(found) => {
                let entry = found.into_mut();
                if L::is_over(entry.1, now) {
                    entry.0 = first();
                }
                entry
            }
        };
        *written = now;
        value
    }

    /// Puts a value under `key`; gives the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let now = self.now;
        let (entries, changes) = self.held.entries_mut();
        changes.note(entries.len(), || key.clone());
        let (before, written) = entries.insert(key, (value, now))?;
        (!L::is_over(written, now)).then_some(before)
    }

    /// Takes the value under `key` out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let now = self.now;
        let (entries, changes) = self.held.existing_mut()?;
        let (key, (value, written)) = entries.remove_entry(key)?;
        changes.note(entries.len(), || key);
        self.held.free_if_unused();
        (!L::is_over(written, now)).then_some(value)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let live = |(_, (_, written)): &(&K, &(V, L::Stamp))| !L::is_over(*written, self.now);
        self.held.entries().into_iter().flatten().filter(live).map(|(key, (value, _))| (key, value))
    }

    /// All keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        match L::TIME_TO_LIVE {
            None => self.held.entries().map_or(0, HashMap::len),
            Some(_) => self.iter().count(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.held.clear();
    }
}

impl<K: Key, V: Element, L: Lifetime> Default for MapCell<K, V, L> {
    fn default() -> Self {
        MapCell { held: Tracked::default(), now: L::Stamp::default() }
    }
}

impl<K: Key, V: Element, L: Lifetime> Cell for MapCell<K, V, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("Map<{}, {}>", type_name::<K>(), type_name::<V>()), into);
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
        for (key, _) in entries.extract_if(|_, (_, written)| L::is_over(*written, now)) {
            changes.note(len, || key);
        }
        let frees = entries.len() < len;
        if frees {
            entries.shrink_to_fit();
            self.held.free_if_unused();
        }
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
