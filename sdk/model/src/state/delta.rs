//! Cells as bytes, and the book of what has changed in a cell of many entries.

use std::hash::Hash;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::BoxError;
use crate::coder::{Coder, Postcard};

/// Appends a value.
pub(super) fn put<T: Serialize + DeserializeOwned>(value: &T, into: &mut Vec<u8>) -> Result<(), BoxError> {
    Postcard.encode(value, into)
}

/// Takes a value from the front.
pub(super) fn take<T: Serialize + DeserializeOwned>(from: &mut &[u8]) -> Result<T, BoxError> {
    Postcard.decode(from)
}

/// Appends `len` values.
pub(super) fn put_all<T: Serialize>(
    len: usize,
    values: impl Iterator<Item = T>,
    into: &mut Vec<u8>,
) -> Result<(), BoxError> {
    put(&len, into)?;
    for value in values {
        let bytes = std::mem::take(into);
        *into = postcard::to_extend(&value, bytes)?;
    }
    Ok(())
}

/// Takes all values that [`put_all`] appended.
pub(super) fn take_all<T: DeserializeOwned>(from: &mut &[u8], mut each: impl FnMut(T)) -> Result<(), BoxError> {
    let len: usize = take(from)?;
    for _ in 0..len {
        let (value, rest) = postcard::take_from_bytes(from)?;
        *from = rest;
        each(value);
    }
    Ok(())
}

/// Which entries of a cell have changed since the last delta.
#[derive(Default)]
pub(super) enum Changes<K> {
    /// Nobody has taken a delta yet, or too much has changed: the next one is the full form.
    #[default]
    All,
    /// Those under these keys.
    Of(HashSet<K, FixedState>),
}

impl<K: Eq + Hash> Changes<K> {
    /// Notes that the entry under `key` was written or removed. `entries` is how many the cell holds: beyond that the book costs more
    /// than it saves.
    #[inline]
    pub(super) fn note(&mut self, entries: usize, key: impl FnOnce() -> K) {
        if let Changes::Of(keys) = self {
            keys.insert(key());
            if keys.len() > entries.max(16) {
                *self = Changes::All;
            }
        }
    }

    /// What has changed, and from now on nothing has.
    pub(super) fn take(&mut self) -> Changes<K> {
        std::mem::replace(self, Changes::Of(HashSet::default()))
    }
}
