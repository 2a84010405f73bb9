//! One thread's share of one partition of a grouping, in memory or as bytes.
//!
//! Entries lie in chunks, so that growing moves none of them. An entry's window is not kept with it: neighbours mostly lie in the
//! same window, so a chunk notes where the window changes.

use std::any::Any;
use std::iter::Take;
use std::mem::{needs_drop, size_of, take};
use std::sync::Arc;
use std::vec::IntoIter;

use super::{Partial, hash::hash_of};
use crate::window::Window;
use crate::{BoxError, Element, Key};

/// Large enough that the cost per chunk vanishes; small enough that the half-empty ones of all partitions do not matter.
const CHUNK_BYTES: usize = 32 * 1024;

/// Entries of one partition; `windows` says what their windows' numbers mean.
pub(super) struct Part<K, V, A> {
    pub(super) windows: Arc<Vec<Window>>,
    pub(super) raw: Entries<K, V>,
    pub(super) folded: Entries<K, A>,
    /// Nearly every entry is a group of its own.
    pub(super) mostly_distinct: bool,
}

/// Keys, each with a value or an accumulator and a window.
///
/// A thread fills hundreds of these in turns: what each entry touches is kept together, the rest apart.
pub(super) struct Entries<K, X> {
    pairs: Vec<(K, X)>,
    /// The window of the last pair.
    window: Option<u32>,
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
struct Chunk<K, X> {
    pairs: Vec<(K, X)>,
    /// The lower halves of the keys' hashes, where it pays to keep them.
    hashes: Vec<u32>,
    runs: Vec<Run>,
}

/// Entries from `begin` on lie in `window`, up to the next run's.
struct Run {
    window: u32,
    begin: u32,
}

impl<K: Key, X> Entries<K, X> {
    pub(super) const ENTRY_BYTES: usize = size_of::<(K, X)>() + if Self::KEEPS_HASHES { size_of::<u32>() } else { 0 };

    /// Keys that own memory elsewhere, text above all, would be fetched from there once more to be hashed again.
    const KEEPS_HASHES: bool = needs_drop::<K>();

    const CHUNK_LEN: usize = match CHUNK_BYTES.checked_div(Self::ENTRY_BYTES) {
        None => CHUNK_BYTES,
        Some(0) => 1,
        Some(len) => len,
    };

    /// With room for so many, or a chunk of them.
    pub(super) fn with_capacity(entries: usize) -> Self {
        let mut with_room = Entries::default();
        with_room.reserve(entries.min(Self::CHUNK_LEN));
        with_room
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.rest.full.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rest.full.iter().map(|chunk| chunk.pairs.len()).sum::<usize>() + self.pairs.len()
    }

    #[inline]
    pub(super) fn push(&mut self, hash: u32, window: u32, key: K, value: X) {
        if self.pairs.len() == Self::CHUNK_LEN {
            self.end_chunk();
            self.reserve(Self::CHUNK_LEN);
        }
        if self.window != Some(window) {
            self.begin_run(window);
        }
        if Self::KEEPS_HASHES {
            self.rest.hashes.push(hash);
        }
        self.pairs.push((key, value));
    }

    #[inline(never)]
    fn begin_run(&mut self, window: u32) {
        self.rest.runs.push(Run { window, begin: self.pairs.len() as u32 });
        self.window = Some(window);
    }

    #[cold]
    fn end_chunk(&mut self) {
        let rest = &mut *self.rest;
        let chunk = Chunk { pairs: take(&mut self.pairs), hashes: take(&mut rest.hashes), runs: take(&mut rest.runs) };
        rest.full.push(chunk);
        self.window = None;
    }

    fn reserve(&mut self, entries: usize) {
        self.pairs.reserve_exact(entries);
        self.rest.hashes.reserve_exact(if Self::KEEPS_HASHES { entries } else { 0 });
    }

    fn into_chunks(mut self) -> Vec<Chunk<K, X>> {
        self.end_chunk();
        self.rest.full
    }

    /// Each window's number with how many entries follow one another in it.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u32, usize)> {
        let last = runs(&self.rest.runs, self.pairs.len());
        self.rest.full.iter().flat_map(Chunk::runs).chain(last)
    }

    /// The entries of several shares, gathered by window; with each share come the new numbers, below `windows`, for its own.
    pub(super) fn by_window(shares: Vec<(Self, Arc<Vec<u32>>)>, windows: usize) -> Vec<Self> {
        let mut counts = vec![0; windows];
        for (share, renumbered) in &shares {
            share.runs().for_each(|(window, len)| counts[renumbered[window as usize] as usize] += len);
        }
        let mut gathered: Vec<Self> = counts.into_iter().map(Self::with_capacity).collect();
        for (share, renumbered) in shares {
            for chunk in share.into_chunks() {
                // A chunk of one window moves as it is.
                if let [Run { window, .. }] = chunk.runs[..] {
                    gathered[renumbered[window as usize] as usize].rest.full.push(chunk);
                    continue;
                }
                chunk.drain_runs(|window, entries| {
                    let number = renumbered[window as usize];
                    let into = &mut gathered[number as usize];
                    entries.for_each(|(hash, key, value)| into.push(hash, number, key, value));
                });
            }
        }
        gathered
    }

    /// Takes all entries out, with the lower halves of their keys' hashes.
    #[inline]
    pub(super) fn drain(self, mut take: impl FnMut(u32, K, X)) {
        for chunk in self.into_chunks() {
            chunk.drain_runs(|_, entries| entries.for_each(|(hash, key, value)| take(hash, key, value)));
        }
    }
}

impl<K, X> Chunk<K, X> {
    fn runs(&self) -> impl Iterator<Item = (u32, usize)> {
        runs(&self.runs, self.pairs.len())
    }
}

/// Windows and lengths of the runs of `len` entries.
fn runs(runs: &[Run], len: usize) -> impl Iterator<Item = (u32, usize)> {
    let ends = runs.iter().skip(1).map(|run| run.begin as usize).chain([len]);
    runs.iter().zip(ends).map(|(run, end)| (run.window, end - run.begin as usize))
}

impl<K: Key, X> Chunk<K, X> {
    #[inline]
    fn drain_runs(self, mut take: impl FnMut(u32, RunEntries<'_, K, X>)) {
        let mut hashes = self.hashes.into_iter();
        let mut pairs = self.pairs.into_iter();
        for (window, len) in runs(&self.runs, pairs.len()) {
            take(window, RunEntries { pairs: pairs.by_ref().take(len), hashes: &mut hashes });
        }
    }
}

/// Entries of one window, each with the lower half of its key's hash.
struct RunEntries<'a, K, X> {
    pairs: Take<&'a mut IntoIter<(K, X)>>,
    hashes: &'a mut IntoIter<u32>,
}

impl<K: Key, X> Iterator for RunEntries<'_, K, X> {
    type Item = (u32, K, X);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.pairs.next()?;
        let kept = if Entries::<K, X>::KEEPS_HASHES { self.hashes.next() } else { None };
        Some((kept.unwrap_or_else(|| hash_of(&key) as u32), key, value))
    }
}

impl<K: Key, X: Element> Entries<K, X> {
    /// Runs as (window, length), each before its pairs; `number` says under which number a window is written.
    fn encode(&self, number: impl Fn(u32) -> u32, mut bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
        bytes = postcard::to_extend(&self.runs().count(), bytes)?;
        let chunks = self.rest.full.iter().map(|chunk| &chunk.pairs).chain([&self.pairs]);
        let mut pairs = chunks.flatten();
        for (window, len) in self.runs() {
            bytes = postcard::to_extend(&(number(window), len), bytes)?;
            for pair in pairs.by_ref().take(len) {
                bytes = postcard::to_extend(pair, bytes)?;
            }
        }
        Ok(bytes)
    }

    /// Adds what was encoded, whose windows are numbered from `base` on; gives what follows.
    fn decode<'a>(&mut self, base: u32, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let (runs, mut rest): (usize, _) = postcard::take_from_bytes(from)?;
        for _ in 0..runs {
            let ((window, len), mut pairs): ((u32, usize), _) = postcard::take_from_bytes(rest)?;
            for _ in 0..len {
                let ((key, value), after): ((K, X), _) = postcard::take_from_bytes(pairs)?;
                self.push(hash_of(&key) as u32, base + window, key, value);
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
        Entries { pairs: Vec::new(), window: None, rest: Box::new(rest) }
    }
}

impl<K, V, A> Default for Part<K, V, A> {
    fn default() -> Self {
        Part { windows: Arc::default(), raw: Entries::default(), folded: Entries::default(), mostly_distinct: false }
    }
}

impl<K: Key, V: Element, A: Element> Partial for Part<K, V, A> {
    fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.folded.is_empty()
    }

    fn bytes(&self) -> usize {
        self.raw.len() * Entries::<K, V>::ENTRY_BYTES + self.folded.len() * Entries::<K, A>::ENTRY_BYTES
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        // Only the windows that stand here: those of all parts, in each part, would be too many.
        let mut own: Vec<u32> = self.raw.runs().chain(self.folded.runs()).map(|(window, _)| window).collect();
        own.sort_unstable();
        own.dedup();
        let windows: Vec<Window> = own.iter().map(|window| self.windows[*window as usize]).collect();
        let number = |window: u32| own.partition_point(|known| *known < window) as u32;
        let mut bytes = postcard::to_extend(&windows, take(into))?;
        bytes = self.raw.encode(number, bytes)?;
        bytes = self.folded.encode(number, bytes)?;
        *into = bytes;
        Ok(())
    }

    fn decode(&mut self, from: &[u8]) -> Result<(), BoxError> {
        let (windows, rest): (Vec<Window>, _) = postcard::take_from_bytes(from)?;
        let base = self.windows.len() as u32;
        Arc::make_mut(&mut self.windows).extend(windows);
        let rest = self.raw.decode(base, rest)?;
        self.folded.decode(base, rest)?;
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
