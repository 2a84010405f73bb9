//! A cell that is a map.

use std::any::type_name;
use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::cell::declare_cell;
use super::delta::{Changes, put, put_all, take, take_all};
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
pub struct MapCell<K, V, L: Lifetime = Forever> {
    /// Nothing while there are no entries and no book of changes.
    held: Option<Box<Held<K, V, L>>>,
    now: L::Stamp,
    /// Entries may have been in a delta that are gone with `held`.
    is_cleared: bool,
}

struct Held<K, V, L: Lifetime> {
    entries: HashMap<K, (V, L::Stamp), FixedState>,
    changes: Changes<K>,
}

impl<K, V, L: Lifetime> Default for Held<K, V, L> {
    fn default() -> Self {
        Held { entries: HashMap::default(), changes: Changes::default() }
    }
}

impl<K: Key, V: Element, L: Lifetime> MapCell<K, V, L> {
    /// The value under `key`.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (value, written) = self.held.as_ref()?.entries.get(key)?;
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
        let Held { entries, changes } = &mut **self.held.as_mut()?;
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
        let Held { entries, changes } = &mut **self.held.get_or_insert_default();
        changes.note(entries.len(), || key.clone());
        let mut first = Some(first);
        let mut new = || first.take().map(|first| (first(), now));
        let entry = entries.entry(key).or_insert_with(|| new().expect("asked once"));
        if L::is_over(entry.1, now)
            && let Some(fresh) = new()
        {
            *entry = fresh;
        }
        entry.1 = now;
        &mut entry.0
    }

    /// Puts a value under `key`; gives the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let now = self.now;
        let Held { entries, changes } = &mut **self.held.get_or_insert_default();
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
        let held = self.held.as_mut()?;
        let (key, (value, written)) = held.entries.remove_entry(key)?;
        held.changes.note(held.entries.len(), || key);
        self.free_if_unused();
        (!L::is_over(written, now)).then_some(value)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let live = |(_, (_, written)): &(&K, &(V, L::Stamp))| !L::is_over(*written, self.now);
        self.held.iter().flat_map(|held| &held.entries).filter(live).map(|(key, (value, _))| (key, value))
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
            None => self.held.as_ref().map_or(0, |held| held.entries.len()),
            Some(_) => self.iter().count(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        if self.held.as_ref().is_some_and(|held| !held.entries.is_empty()) {
            self.held = None;
            self.is_cleared = true;
        }
    }

    /// Frees the memory once nothing is in it.
    fn free_if_unused(&mut self) {
        let is_unused = |held: &Held<K, V, L>| held.entries.is_empty() && matches!(held.changes, Changes::All);
        if self.held.as_ref().is_some_and(|held| is_unused(held)) {
            self.held = None;
            self.is_cleared = true;
        }
    }
}

impl<K, V, L: Lifetime> Default for MapCell<K, V, L> {
    fn default() -> Self {
        MapCell { held: None, now: L::Stamp::default(), is_cleared: false }
    }
}

impl<K: Key, V: Element, L: Lifetime> Cell for MapCell<K, V, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("Map<{}, {}>", type_name::<K>(), type_name::<V>()), into);
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.held.as_ref().is_none_or(|held| held.entries.is_empty())
    }

    #[inline]
    fn begin(&mut self, now: Now) {
        self.now = L::stamp(now);
    }

    fn sweep(&mut self, now: Now) {
        let Some(held) = &mut self.held else { return };
        let Held { entries, changes } = &mut **held;
        let now = L::stamp(now);
        let len = entries.len();
        for (key, _) in entries.extract_if(|_, (_, written)| L::is_over(*written, now)) {
            changes.note(len, || key);
        }
        entries.shrink_to_fit();
        self.free_if_unused();
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        let entries = self.held.iter().flat_map(|held| &held.entries);
        put_all(self.held.as_ref().map_or(0, |held| held.entries.len()), entries, into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        let held = self.held.get_or_insert_default();
        held.entries.clear();
        take_all(from, |(key, entry)| drop(held.entries.insert(key, entry)))?;
        self.free_if_unused();
        Ok(())
    }

    /// Whether it replaces what there was, then entries; where it does not, keys with nothing are gone.
    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        let is_cleared = std::mem::take(&mut self.is_cleared);
        let Some(held) = &mut self.held else {
            if is_cleared {
                put(&true, into)?;
                self.encode(into)?;
            }
            return Ok(is_cleared);
        };
        match held.changes.take() {
            Changes::All => {
                put(&true, into)?;
                self.encode(into)?;
            }
            Changes::Of(keys) if keys.is_empty() => return Ok(false),
            Changes::Of(keys) => {
                put(&false, into)?;
                put_all(keys.len(), keys.iter().map(|key| (key, held.entries.get(key))), into)?;
            }
        }
        if self.held.as_ref().is_some_and(|held| held.entries.is_empty()) {
            self.held = None;
        }
        Ok(true)
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        if take(from)? {
            return self.decode(from);
        }
        let held = self.held.get_or_insert_default();
        take_all(from, |(key, entry): (K, Option<(V, L::Stamp)>)| match entry {
            Some(entry) => drop(held.entries.insert(key, entry)),
            None => drop(held.entries.remove(&key)),
        })?;
        self.free_if_unused();
        Ok(())
    }
}
