//! A partition's entries, taken out set by set from where they lie: each set of windows by its number.
//!
//! Copying them into order would cost as much as grouping them.

use std::mem::{MaybeUninit, needs_drop, take};
use std::ops::Range;
use std::sync::Arc;

use super::entries::Entries;
use super::hash::hash_of;
use crate::Key;

/// Entries of several shares, of sets numbered from 0 on.
///
/// Invariant: the pairs in `runs` are initialised and stand in one run each; those of no run are not touched any more.
pub(super) struct BySet<K, X> {
    chunks: Vec<Pairs<K, X>>,
    runs: Vec<Vec<Run>>,
}

struct Pairs<K, X> {
    pairs: Vec<MaybeUninit<(K, X)>>,
    hashes: Vec<u32>,
}

/// Entries of one set in a chunk.
struct Run {
    chunk: u32,
    entries: Range<u32>,
}

impl<K: Key, X> BySet<K, X> {
    /// The entries of `shares`; with each come the new numbers, below `sets`, for its own.
    pub(super) fn new(shares: Vec<(Entries<K, X>, Arc<Vec<u32>>)>, sets: usize) -> Self {
        let mut chunks = Vec::new();
        let mut runs: Vec<Vec<Run>> = (0..sets).map(|_| Vec::new()).collect();
        for (share, renumbered) in shares {
            for chunk in share.into_chunks() {
                let mut begin = 0;
                for (set, len) in chunk.runs() {
                    let end = begin + len as u32;
                    let of_set = &mut runs[renumbered[set as usize] as usize];
                    of_set.push(Run { chunk: chunks.len() as u32, entries: begin..end });
                    begin = end;
                }
                let pairs = chunk.pairs.into_iter().map(MaybeUninit::new).collect();
                chunks.push(Pairs { pairs, hashes: chunk.hashes });
            }
        }
        BySet { chunks, runs }
    }

    /// How many entries the set has.
    pub(super) fn len(&self, set: u32) -> usize {
        self.runs[set as usize].iter().map(|run| run.entries.len()).sum()
    }

    /// Takes the set's entries out, with the lower halves of their keys' hashes.
    #[inline]
    pub(super) fn drain(&mut self, set: u32, mut take_one: impl FnMut(u32, K, X)) {
        for run in take(&mut self.runs[set as usize]) {
            let Pairs { pairs, hashes } = &self.chunks[run.chunk as usize];
            let entries = run.entries.start as usize..run.entries.end as usize;
            let mut hashes = if Entries::<K, X>::KEEPS_HASHES { hashes[entries.clone()].iter() } else { [].iter() };
            for pair in &pairs[entries] {
                // SAFETY: the pair stood in `run`, so it is initialised; `run` is no longer in `runs`, so it is read this once. Should
                // `take_one` panic, what is left of the set is leaked, never dropped twice.
                let (key, value) = unsafe { pair.assume_init_read() };
                let hash = hashes.next().copied().unwrap_or_else(|| hash_of(&key) as u32);
                take_one(hash, key, value);
            }
        }
    }
}

impl<K: Key, X: Clone> BySet<K, X> {
    /// Gives copies of the set's entries, which stay.
    pub(super) fn copy(&self, set: u32, mut take_one: impl FnMut(u32, K, X)) {
        for run in &self.runs[set as usize] {
            let pairs = &self.chunks[run.chunk as usize].pairs;
            for pair in &pairs[run.entries.start as usize..run.entries.end as usize] {
                // SAFETY: the pair stands in a run, so it is initialised.
                let (key, value) = unsafe { pair.assume_init_ref() };
                take_one(hash_of(key) as u32, key.clone(), value.clone());
            }
        }
    }
}

impl<K, X> Drop for BySet<K, X> {
    fn drop(&mut self) {
        if !needs_drop::<(K, X)>() {
            return;
        }
        for run in self.runs.iter_mut().flat_map(take) {
            let pairs = &mut self.chunks[run.chunk as usize].pairs;
            for pair in &mut pairs[run.entries.start as usize..run.entries.end as usize] {
                // SAFETY: as above: initialised, and dropped this once.
                unsafe { pair.assume_init_drop() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two shares of three sets with counted keys: set 1 of the first is set 0 of the second.
    fn sorted(key: &Arc<str>) -> BySet<Arc<str>, u64> {
        let share = |sets: &[u32], first: u64| {
            let mut entries = Entries::default();
            for (value, set) in (first..).zip(sets) {
                entries.push(hash_of(key) as u32, *set, key.clone(), value);
            }
            entries
        };
        let first = (share(&[0, 0, 1, 0, 1, 1], 0), Arc::new(vec![0, 1]));
        let second = (share(&[0, 1, 1], 10), Arc::new(vec![1, 2]));
        BySet::new(vec![first, second], 3)
    }

    #[test]
    fn each_set_gives_its_entries_once() {
        let key: Arc<str> = "key".into();
        let mut sorted = sorted(&key);
        assert_eq!([0, 1, 2].map(|set| sorted.len(set)), [3, 4, 2]);
        let mut copied = Vec::new();
        sorted.copy(1, |_, _, value| copied.push(value));
        assert_eq!(copied, [2, 4, 5, 10]);
        for (set, expected) in [(1, vec![2, 4, 5, 10]), (0, vec![0, 1, 3]), (1, vec![]), (2, vec![11, 12])] {
            let mut values = Vec::new();
            sorted.drain(set, |hash, found, value| {
                assert_eq!((hash, found), (hash_of(&key) as u32, key.clone()));
                values.push(value);
            });
            assert_eq!(values, expected);
        }
        assert_eq!(Arc::strong_count(&key), 1);
    }

    #[test]
    fn what_is_not_taken_out_is_dropped() {
        let key: Arc<str> = "key".into();
        let mut sorted = sorted(&key);
        sorted.drain(1, |_, _, _| {});
        assert_eq!(Arc::strong_count(&key), 1 + 5);
        drop(sorted);
        assert_eq!(Arc::strong_count(&key), 1);
    }
}
