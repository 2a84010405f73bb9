//! Aggregation of a bounded input, in parallel: each thread scatters into partitions, then each partition is grouped by itself.
//!
//! While keys repeat, a thread folds into a table that fits its cache and scatters only the accumulators. Once
//! most (window, key) pairs turn out to be distinct it stops folding and scatters the raw values: hashing
//! them twice would cost more than it saves. Either way a partition's groups later fit the cache.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::KEY_GROUPS;
use super::hash::hash_of;
use super::partition::Part;
use super::window_numbers::WindowNumbers;
use crate::bundle::{AnyBundle, ElementSides};
use crate::combine::CombineFn;
use crate::window::{Window, WindowSet};
use crate::{BoxError, Element, Key, Pane};

/// How many pairs a thread folds before it scatters them: their table stays within the second-level cache.
const FOLDED_MAX: usize = 16 * 1024;
/// From this share of distinct pairs on, folding before scattering does not pay.
const DISTINCT_PERCENT_MAX: usize = 50;

/// One thread's share of a grouping.
pub trait Aggregator: Send {
    /// Takes the elements of `bundle` in; each may lie in several windows.
    fn add(&mut self, bundle: &mut dyn AnyBundle);
    /// About how many bytes are held.
    fn bytes(&self) -> usize;
    /// What is held, one piece per partition; the aggregator is empty afterwards.
    fn take(&mut self) -> Vec<Box<dyn Partial>>;
}

/// One thread's share of one partition.
pub trait Partial: Send {
    /// Whether it holds nothing.
    fn is_empty(&self) -> bool;
    /// About how many bytes it holds.
    fn bytes(&self) -> usize;
    /// Appends its encoding, for a spill file.
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// Adds what was encoded.
    fn decode(&mut self, from: &[u8]) -> Result<(), BoxError>;
    /// The typed part.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// The groups of one partition, ready to be emitted.
pub trait Groups: Send {
    /// Moves up to about `limit` groups to `out`, of one window; `false` once there are no more.
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool;
}

pub(super) struct TypedAggregator<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    folding: bool,
    folded: HashTable<(u32, K, C::Accumulator)>,
    added_since_scatter: usize,
    windows: Vec<Window>,
    numbers: WindowNumbers,
    parts: Vec<Part<K, V, C::Accumulator>>,
    bytes: usize,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedAggregator<K, V, C> {
    pub(super) fn new(combiner: Arc<C>, folding: bool) -> Self {
        TypedAggregator {
            combiner,
            folding,
            folded: HashTable::new(),
            added_since_scatter: 0,
            windows: Vec::new(),
            numbers: WindowNumbers::default(),
            parts: Self::empty_parts(),
            bytes: 0,
        }
    }

    fn empty_parts() -> Vec<Part<K, V, C::Accumulator>> {
        (0..KEY_GROUPS).map(|_| Part::default()).collect()
    }

    fn window_index(&mut self, window: Window) -> u32 {
        let (number, is_new) = self.numbers.of(window);
        if is_new {
            self.windows.push(window);
        }
        number
    }

    #[inline]
    fn add_one(&mut self, window: u32, key: K, value: V) {
        let hash = hash_of(&key);
        if !self.folding {
            self.bytes += Part::<K, V, C::Accumulator>::RAW_BYTES;
            self.parts[partition_of(hash)].raw.push((hash as u32, window, key, value));
            return;
        }
        let slot = mixed(hash, window);
        let found = self.folded.entry(
            slot,
            |(held_window, held, _)| *held_window == window && *held == key,
            |(held_window, held, _)| mixed(hash_of(held), *held_window),
        );
        match found {
            Entry::Occupied(mut found) => self.combiner.add_owned(&mut found.get_mut().2, value),
            Entry::Vacant(free) => {
                let mut accumulator = self.combiner.create();
                self.combiner.add_owned(&mut accumulator, value);
                free.insert((window, key, accumulator));
            }
        }
        self.added_since_scatter += 1;
        if self.folded.len() >= FOLDED_MAX {
            let distinct = self.folded.len();
            self.scatter_folded();
            self.folding = distinct * 100 < self.added_since_scatter * DISTINCT_PERCENT_MAX;
            self.added_since_scatter = 0;
        }
    }

    fn scatter_folded(&mut self) {
        self.bytes += self.folded.len() * Part::<K, V, C::Accumulator>::FOLDED_BYTES;
        for (window, key, accumulator) in self.folded.drain() {
            let hash = hash_of(&key);
            self.parts[partition_of(hash)].folded.push((hash as u32, window, key, accumulator));
        }
    }
}

/// The partition by the hash's high bits; tables use the others.
#[inline]
fn partition_of(hash: u64) -> usize {
    (hash >> 32) as usize % KEY_GROUPS
}

#[inline]
fn mixed(hash: u64, window: u32) -> u64 {
    hash ^ u64::from(window).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<K: Key, V: Element, C: CombineFn<V>> Aggregator for TypedAggregator<K, V, C> {
    fn add(&mut self, bundle: &mut dyn AnyBundle) {
        let mut last: Option<(Window, u32)> = None;
        for ((key, value), sides) in bundle.downcast::<(K, V)>().drain() {
            let windows = sides.windows;
            for window in windows.iter().take(windows.len().saturating_sub(1)) {
                let index = self.window_index(window);
                self.add_one(index, key.clone(), value.clone());
            }
            let Some(window) = windows.iter().last() else { continue };
            let index = match last {
                Some((same, index)) if same == window => index,
                _ => self.window_index(window),
            };
            last = Some((window, index));
            self.add_one(index, key, value);
        }
    }

    fn bytes(&self) -> usize {
        self.bytes + self.folded.len() * Part::<K, V, C::Accumulator>::FOLDED_BYTES
    }

    fn take(&mut self) -> Vec<Box<dyn Partial>> {
        self.scatter_folded();
        self.bytes = 0;
        let parts = std::mem::replace(&mut self.parts, Self::empty_parts());
        let windows = std::mem::take(&mut self.windows);
        self.numbers.clear();
        let mut scratch = Vec::new();
        let whole = |part: Part<_, _, _>| Box::new(part.with_windows(&windows, &mut scratch)) as Box<dyn Partial>;
        parts.into_iter().map(whole).collect()
    }
}

pub(super) struct TypedGroups<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    windows: Vec<(Window, hashbrown::hash_table::IntoIter<(K, C::Accumulator)>)>,
    of: PhantomData<fn(V)>,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedGroups<K, V, C> {
    pub(super) fn merging(combiner: Arc<C>, partials: Vec<Box<dyn Partial>>) -> Self {
        let mut windows: Vec<(Window, HashTable<(K, C::Accumulator)>)> = Vec::new();
        let mut numbers = WindowNumbers::default();
        for partial in partials {
            let part: Part<K, V, C::Accumulator> =
                *partial.into_any().downcast().expect("partials come from aggregators of this grouping");
            // From the part's window numbers to ours, so that each entry finds its table by index.
            let mut number_of = |window: &Window| {
                let (number, is_new) = numbers.of(*window);
                if is_new {
                    windows.push((*window, HashTable::new()));
                }
                number as usize
            };
            let renumbered: Vec<usize> = part.windows.iter().map(&mut number_of).collect();
            for (hash, window, key, value) in part.raw {
                let table = &mut windows[renumbered[window as usize]].1;
                match entry(table, hash, &key) {
                    Entry::Occupied(mut found) => combiner.add_owned(&mut found.get_mut().1, value),
                    Entry::Vacant(free) => {
                        let mut accumulator = combiner.create();
                        combiner.add_owned(&mut accumulator, value);
                        free.insert((key, accumulator));
                    }
                }
            }
            for (hash, window, key, accumulator) in part.folded {
                let table = &mut windows[renumbered[window as usize]].1;
                match entry(table, hash, &key) {
                    Entry::Occupied(mut found) => combiner.merge(&mut found.get_mut().1, accumulator),
                    Entry::Vacant(free) => {
                        free.insert((key, accumulator));
                    }
                }
            }
        }
        let windows = windows.into_iter().map(|(window, table)| (window, table.into_iter())).collect();
        TypedGroups { combiner, windows, of: PhantomData }
    }
}

/// Within a partition the hash's high bits are all alike, so tables go by the low half, spread over all bits again.
#[inline]
fn entry<'a, K: Key, A>(table: &'a mut HashTable<(K, A)>, hash: u32, key: &K) -> Entry<'a, (K, A)> {
    table.entry(spread(hash), |(held, _)| held == key, |(held, _)| spread(hash_of(held) as u32))
}

#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<K: Key, V: Element, C: CombineFn<V>> Groups for TypedGroups<K, V, C> {
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool {
        let Some((window, groups)) = self.windows.last_mut() else { return false };
        let sides = ElementSides {
            timestamp: window.max_timestamp(),
            windows: WindowSet::one(*window),
            pane: Pane::ON_TIME_AND_ONLY,
        };
        let results = groups.by_ref().take(limit).map(|(key, accumulator)| (key, self.combiner.extract(accumulator)));
        out.downcast().extend_with(results, sides);
        if groups.len() == 0 {
            self.windows.pop();
        }
        !self.windows.is_empty()
    }
}

const _: () = assert!(KEY_GROUPS.is_power_of_two(), "partitions are cut by hash bits");
