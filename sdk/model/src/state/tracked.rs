//! A cell's entries by key, with a book of those that have changed since the last delta.
//!
//! The book is kept only once a delta was taken, and given up when it would be longer than what it saves.

use std::collections::BTreeMap;
use std::hash::Hash;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::bytes::{put, put_all, take, take_all};
use crate::{BoxError, Element};

/// What entries are kept in.
pub(super) trait Table: Default {
    type Key: Element + Eq + Hash;
    type Entry: Element;
    fn len(&self) -> usize;
    fn get(&self, key: &Self::Key) -> Option<&Self::Entry>;
    fn insert(&mut self, key: Self::Key, entry: Self::Entry);
    fn remove(&mut self, key: &Self::Key);
    fn iter(&self) -> impl Iterator<Item = (&Self::Key, &Self::Entry)>;
}

/// A [`Table`] that takes no memory beyond a pointer while nothing is in it.
pub(super) struct Tracked<M: Table> {
    held: Option<Box<Held<M>>>,
    /// Entries may have been in a delta that are gone with `held`.
    is_cleared: bool,
}

struct Held<M: Table> {
    entries: M,
    changes: Changes<M::Key>,
}

/// Which entries have changed since the last delta.
pub(super) enum Changes<K> {
    /// Nobody has taken a delta yet, or too much has changed: the next one is the full form.
    All,
    /// Those under these keys.
    Of(HashSet<K, FixedState>),
}

/// A book of fewer keys than this is kept, however few entries there are.
const SHORT_BOOK: usize = 16;

impl<K: Eq + Hash> Changes<K> {
    /// Notes that the entry under `key` was written or removed; `entries` is how many there are.
    #[inline]
    pub(super) fn note(&mut self, entries: usize, key: impl FnOnce() -> K) {
        if let Changes::Of(keys) = self {
            keys.insert(key());
            if keys.len() > entries.max(SHORT_BOOK) {
                *self = Changes::All;
            }
        }
    }
}

impl<M: Table> Tracked<M> {
    /// The entries, if there are any.
    #[inline]
    pub(super) fn entries(&self) -> Option<&M> {
        self.held.as_ref().map(|held| &held.entries)
    }

    /// The entries, if there are any, to change, and the book in which each change is to be noted.
    #[inline]
    pub(super) fn existing_mut(&mut self) -> Option<(&mut M, &mut Changes<M::Key>)> {
        self.held.as_mut().map(|held| (&mut held.entries, &mut held.changes))
    }

    /// The entries to add to.
    #[inline]
    pub(super) fn entries_mut(&mut self) -> (&mut M, &mut Changes<M::Key>) {
        let held = self.held.get_or_insert_with(|| Box::new(Held { entries: M::default(), changes: Changes::All }));
        (&mut held.entries, &mut held.changes)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.entries().is_none_or(|entries| entries.len() == 0)
    }

    /// Removes all entries.
    pub(super) fn clear(&mut self) {
        if !self.is_empty() {
            self.held = None;
            self.is_cleared = true;
        }
    }

    /// After removals: gives the memory back once nothing is in it.
    pub(super) fn free_if_unused(&mut self) {
        let is_unused = |held: &Held<M>| held.entries.len() == 0 && matches!(held.changes, Changes::All);
        if self.held.as_ref().is_some_and(|held| is_unused(held)) {
            self.held = None;
            self.is_cleared = true;
        }
    }

    pub(super) fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        let entries = self.entries();
        put_all(entries.map_or(0, M::len), entries.into_iter().flat_map(M::iter), into)
    }

    pub(super) fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        let (entries, _) = self.entries_mut();
        *entries = M::default();
        take_all(from, |(key, entry)| entries.insert(key, entry))?;
        if self.is_empty() && !self.is_tracked() {
            self.held = None;
        }
        Ok(())
    }

    /// Whether it replaces what there was, then entries; where it does not, keys with nothing are gone.
    pub(super) fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        let is_cleared = std::mem::take(&mut self.is_cleared);
        let Some(held) = &mut self.held else {
            if is_cleared {
                put(&true, into)?;
                self.encode(into)?;
            }
            return Ok(is_cleared);
        };
        match std::mem::replace(&mut held.changes, Changes::Of(HashSet::default())) {
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
        if self.is_empty() {
            self.held = None;
        }
        Ok(true)
    }

    pub(super) fn mark_saved(&mut self) {
        self.is_cleared = false;
        if self.is_empty() {
            self.held = None;
        }
        if let Some(held) = &mut self.held {
            held.changes = Changes::Of(HashSet::default());
        }
    }

    pub(super) fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        if take(from)? {
            return self.decode(from);
        }
        let (entries, _) = self.entries_mut();
        take_all(from, |(key, entry): (M::Key, Option<M::Entry>)| match entry {
            Some(entry) => entries.insert(key, entry),
            None => entries.remove(&key),
        })?;
        if self.is_empty() && !self.is_tracked() {
            self.held = None;
        }
        Ok(())
    }

    fn is_tracked(&self) -> bool {
        self.held.as_ref().is_some_and(|held| matches!(held.changes, Changes::Of(_)))
    }
}

impl<M: Table> Default for Tracked<M> {
    fn default() -> Self {
        Tracked { held: None, is_cleared: false }
    }
}

impl<K: Element + Eq + Hash, E: Element> Table for HashMap<K, E, FixedState> {
    type Key = K;
    type Entry = E;

    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, key: &K) -> Option<&E> {
        self.get(key)
    }

    fn insert(&mut self, key: K, entry: E) {
        self.insert(key, entry);
    }

    fn remove(&mut self, key: &K) {
        self.remove(key);
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &E)> {
        self.iter()
    }
}

impl<K: Element + Ord + Hash, E: Element> Table for BTreeMap<K, E> {
    type Key = K;
    type Entry = E;

    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, key: &K) -> Option<&E> {
        self.get(key)
    }

    fn insert(&mut self, key: K, entry: E) {
        self.insert(key, entry);
    }

    fn remove(&mut self, key: &K) {
        self.remove(key);
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &E)> {
        self.iter()
    }
}
