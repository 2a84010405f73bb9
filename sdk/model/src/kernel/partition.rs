//! One thread's share of one partition of a grouping, in memory or as bytes.
//!
//! Entries lie in chunks, so that growing moves none of them. An entry's window is not kept with it: neighbours mostly lie in the
//! same window, so a chunk notes where the window changes.

use std::any::Any;
use std::mem::{needs_drop, size_of};
use std::sync::Arc;

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

/// Keys, each with a value or an accumulator, by window.
pub(super) struct Entries<K, X> {
    full: Vec<Chunk<K, X>>,
    last: Chunk<K, X>,
    /// The window of the last entry of `last`.
    window: Option<u32>,
}

/// Entries in the order in which they came.
struct Chunk<K, X> {
    pairs: Vec<(K, X)>,
    /// The keys' hashes, where it pays to keep them.
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

    const CHUNK_LEN: usize = if Self::ENTRY_BYTES > CHUNK_BYTES { 1 } else { CHUNK_BYTES / (Self::ENTRY_BYTES + 1) };

    pub(super) fn is_empty(&self) -> bool {
        self.last.pairs.is_empty() && self.full.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.full.iter().map(|chunk| chunk.pairs.len()).sum::<usize>() + self.last.pairs.len()
    }

    #[inline]
    pub(super) fn push(&mut self, hash: u64, window: u32, key: K, value: X) {
        if self.last.pairs.len() == Self::CHUNK_LEN {
            self.begin_chunk();
        }
        if self.window != Some(window) {
            self.begin_run(window);
        }
        if Self::KEEPS_HASHES {
            self.last.hashes.push(hash as u32);
        }
        self.last.pairs.push((key, value));
    }

    #[cold]
    fn begin_chunk(&mut self) {
        let hashes = if Self::KEEPS_HASHES { Self::CHUNK_LEN } else { 0 };
        let next =
            Chunk { pairs: Vec::with_capacity(Self::CHUNK_LEN), hashes: Vec::with_capacity(hashes), runs: Vec::new() };
        self.full.push(std::mem::replace(&mut self.last, next));
        self.window = None;
    }

    #[inline(never)]
    fn begin_run(&mut self, window: u32) {
        self.last.runs.push(Run { window, begin: self.last.pairs.len() as u32 });
        self.window = Some(window);
    }

    /// Each window's number with how many entries follow one another in it.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u32, usize)> {
        self.full.iter().chain([&self.last]).flat_map(Chunk::runs)
    }

    /// Takes all entries out: `take(window, hash, key, value)`, the hash being the lower half. Chunks are freed one by one.
    #[inline]
    pub(super) fn drain_into(self, mut take: impl FnMut(u32, u32, K, X)) {
        for chunk in self.full.into_iter().chain([self.last]) {
            let runs: Vec<(u32, usize)> = chunk.runs().collect();
            let mut hashes = chunk.hashes.into_iter();
            let mut pairs = chunk.pairs.into_iter();
            for (window, len) in runs {
                for (key, value) in pairs.by_ref().take(len) {
                    let kept = if Self::KEEPS_HASHES { hashes.next() } else { None };
                    take(window, kept.unwrap_or_else(|| hash_of(&key) as u32), key, value);
                }
            }
        }
    }
}

impl<K, X> Chunk<K, X> {
    fn runs(&self) -> impl Iterator<Item = (u32, usize)> {
        let ends = self.runs.iter().skip(1).map(|run| run.begin as usize).chain([self.pairs.len()]);
        self.runs.iter().zip(ends).map(|(run, end)| (run.window, end - run.begin as usize))
    }
}

impl<K: Key, X: Element> Entries<K, X> {
    fn encode(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
        bytes = postcard::to_extend(&self.len(), bytes)?;
        for chunk in self.full.iter().chain([&self.last]) {
            let mut pairs = chunk.pairs.iter();
            for (window, len) in chunk.runs() {
                for (key, value) in pairs.by_ref().take(len) {
                    bytes = postcard::to_extend(&(window, key, value), bytes)?;
                }
            }
        }
        Ok(bytes)
    }

    /// Adds what was encoded, whose windows are numbered from `base` on; gives what follows.
    fn decode<'a>(&mut self, base: u32, from: &'a [u8]) -> Result<&'a [u8], postcard::Error> {
        let (len, mut rest): (usize, _) = postcard::take_from_bytes(from)?;
        for _ in 0..len {
            let ((window, key, value), after): ((u32, K, X), _) = postcard::take_from_bytes(rest)?;
            self.push(hash_of(&key), base + window, key, value);
            rest = after;
        }
        Ok(rest)
    }
}

impl<K, X> Default for Entries<K, X> {
    fn default() -> Self {
        let last = Chunk { pairs: Vec::new(), hashes: Vec::new(), runs: Vec::new() };
        Entries { full: Vec::new(), last, window: None }
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
        let mut bytes = postcard::to_extend(&*self.windows, std::mem::take(into))?;
        bytes = self.raw.encode(bytes)?;
        bytes = self.folded.encode(bytes)?;
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
