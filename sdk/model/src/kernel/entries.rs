//! What one thread holds of one partition, in the order in which it came.
//!
//! Entries lie in chunks, so that growing moves none of them. An entry's windows are not kept with it: neighbours mostly lie in the
//! same ones, so a chunk notes where the set of windows changes.

use std::mem::{needs_drop, size_of, take};

use super::hash::hash_of;
use crate::{Element, Key};

/// Large enough that the cost per chunk vanishes; small enough that the half-empty ones of all partitions do not matter.
const CHUNK_BYTES: usize = 32 * 1024;

/// Keys, each with a value or an accumulator and the number of a set of windows.
///
/// A thread fills hundreds of these in turns: what each entry touches is kept together, the rest apart.
pub(super) struct Entries<K, X> {
    pairs: Vec<(K, X)>,
    /// The set of the last pair.
    set: Option<u32>,
    rest: Box<Rest<K, X>>,
}

struct Rest<K, X> {
    /// What belongs to the pairs at hand.
    hashes: Vec<u32>,
    runs: Vec<Run>,
    /// Chunks that are full.
    full: Vec<Chunk<K, X>>,
}

/// Entries in the order in which they came.
pub(super) struct Chunk<K, X> {
    pub(super) pairs: Vec<(K, X)>,
    /// The lower halves of the keys' hashes, where it pays to keep them.
    pub(super) hashes: Vec<u32>,
    runs: Vec<Run>,
}

/// Entries from `begin` on lie in the windows of `set`, up to the next run's.
struct Run {
    set: u32,
    begin: u32,
}

impl<K: Key, X> Entries<K, X> {
    pub(super) const ENTRY_BYTES: usize = size_of::<(K, X)>() + if Self::KEEPS_HASHES { size_of::<u32>() } else { 0 };

    /// Keys that own memory elsewhere, text above all, would be fetched from there once more to be hashed again.
    pub(super) const KEEPS_HASHES: bool = needs_drop::<K>();

    const CHUNK_LEN: usize = match CHUNK_BYTES.checked_div(Self::ENTRY_BYTES) {
        None => CHUNK_BYTES,
        Some(0) => 1,
        Some(len) => len,
    };

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.rest.full.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rest.full.iter().map(|chunk| chunk.pairs.len()).sum::<usize>() + self.pairs.len()
    }

    #[inline]
    pub(super) fn push(&mut self, hash: u32, set: u32, key: K, value: X) {
        if self.pairs.len() == Self::CHUNK_LEN {
            self.end_chunk();
            self.pairs.reserve_exact(Self::CHUNK_LEN);
        }
        if self.set != Some(set) {
            self.begin_run(set);
        }
        if Self::KEEPS_HASHES {
            self.rest.hashes.push(hash);
        }
        self.pairs.push((key, value));
    }

    #[inline(never)]
    fn begin_run(&mut self, set: u32) {
        self.rest.runs.push(Run { set, begin: self.pairs.len() as u32 });
        self.set = Some(set);
    }

    #[cold]
    fn end_chunk(&mut self) {
        let rest = &mut *self.rest;
        let chunk = Chunk { pairs: take(&mut self.pairs), hashes: take(&mut rest.hashes), runs: take(&mut rest.runs) };
        rest.full.push(chunk);
        self.set = None;
    }

    pub(super) fn into_chunks(mut self) -> Vec<Chunk<K, X>> {
        self.end_chunk();
        self.rest.full
    }

    /// Each set's number with how many entries follow one another in it.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u32, usize)> {
        let last = runs(&self.rest.runs, self.pairs.len());
        self.rest.full.iter().flat_map(Chunk::runs).chain(last)
    }
}

impl<K, X> Chunk<K, X> {
    /// Each set's number with how many entries follow one another in it.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u32, usize)> {
        runs(&self.runs, self.pairs.len())
    }
}

/// Sets and lengths of the runs of `len` entries.
fn runs(runs: &[Run], len: usize) -> impl Iterator<Item = (u32, usize)> {
    let ends = runs.iter().skip(1).map(|run| run.begin as usize).chain([len]);
    runs.iter().zip(ends).map(|(run, end)| (run.set, end - run.begin as usize))
}

impl<K: Key, X: Element> Entries<K, X> {
    /// Runs as (set, length), each before its pairs; `number` says under which number a set is written.
    pub(super) fn encode(&self, number: impl Fn(u32) -> u32, mut bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
        bytes = postcard::to_extend(&self.runs().count(), bytes)?;
        let chunks = self.rest.full.iter().map(|chunk| &chunk.pairs).chain([&self.pairs]);
        let mut pairs = chunks.flatten();
        for (set, len) in self.runs() {
            bytes = postcard::to_extend(&(number(set), len), bytes)?;
            for pair in pairs.by_ref().take(len) {
                bytes = postcard::to_extend(pair, bytes)?;
            }
        }
        Ok(bytes)
    }

    /// Adds what was encoded, whose sets are numbered from `base` on; gives what follows.
    pub(super) fn decode<'a>(&mut self, base: u32, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let (runs, mut rest): (usize, _) = postcard::take_from_bytes(from)?;
        for _ in 0..runs {
            let ((set, len), mut pairs): ((u32, usize), _) = postcard::take_from_bytes(rest)?;
            for _ in 0..len {
                let ((key, value), after): ((K, X), _) = postcard::take_from_bytes(pairs)?;
                self.push(hash_of(&key) as u32, base + set, key, value);
                pairs = after;
            }
            rest = pairs;
        }
        Ok(rest)
    }
}

impl<K, X> Default for Entries<K, X> {
    fn default() -> Self {
        let rest = Rest { hashes: Vec::new(), runs: Vec::new(), full: Vec::new() };
        Entries { pairs: Vec::new(), set: None, rest: Box::new(rest) }
    }
}
