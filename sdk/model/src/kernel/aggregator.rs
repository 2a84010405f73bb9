//! Aggregation of a bounded input, in parallel: each thread scatters into partitions, then each partition is grouped by itself.
//!
//! While keys repeat, a thread folds into a table that fits its cache and scatters only the accumulators. Once
//! most (window, key) pairs turn out to be distinct it stops folding and scatters what comes: hashing
//! it twice would cost more than it saves. Either way a partition's groups later fit the cache.
//!
//! Memory traffic is what costs. So windows are looked up once per run of elements that share theirs, what is scattered is as small
//! as can be, and tables are made as large as they will be.

use std::any::Any;
use std::iter;
use std::mem::{needs_drop, replace, size_of, take};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::KEY_GROUPS;
use super::entries::Entries;
use super::hash::hash_of;
use super::lift::{Arriving, Raw};
use super::partition::Part;
use super::window_numbers::WindowNumbers;
use crate::bundle::{AnyBundle, Bundle};
use crate::combine::CombineFn;
use crate::window::Window;
use crate::{BoxError, Element, Key};

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
    /// Moves up to `limit` groups to `out`, of one window unless windows are small; `false` once there are no more.
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool;
}

type Accumulated<K, V, C> = (K, <C as CombineFn<V>>::Accumulator);

pub(super) struct TypedAggregator<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    folding: bool,
    folded: HashTable<(u32, Accumulated<K, V, C>)>,
    added_since_scatter: usize,
    numbers: WindowNumbers,
    windows: Vec<Window>,
    raw_parts: Vec<Entries<K, V>>,
    folded_parts: Vec<Entries<K, C::Accumulator>>,
    bytes: usize,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedAggregator<K, V, C> {
    /// An accumulator of one value travels in the value's place where it is smaller and no memory must be sought for it.
    const SCATTERS_FOLDED: bool = !needs_drop::<C::Accumulator>() && size_of::<C::Accumulator>() <= size_of::<V>();

    const FOLDED_BYTES: usize = Entries::<K, C::Accumulator>::ENTRY_BYTES;

    const SCATTERED_BYTES: usize =
        if Self::SCATTERS_FOLDED { Self::FOLDED_BYTES } else { Entries::<K, V>::ENTRY_BYTES };

    pub(super) fn new(combiner: Arc<C>, folding: bool) -> Self {
        TypedAggregator {
            combiner,
            folding,
            folded: HashTable::new(),
            added_since_scatter: 0,
            numbers: WindowNumbers::default(),
            windows: Vec::new(),
            raw_parts: empty_parts(),
            folded_parts: empty_parts(),
            bytes: 0,
        }
    }

    fn number_of(&mut self, window: Window) -> u32 {
        let (number, is_new) = self.numbers.of(window);
        if is_new {
            self.windows.push(window);
        }
        number
    }

    /// Takes in elements that lie in all of `windows`.
    fn add_run(&mut self, windows: &[u32], elements: impl Iterator<Item = (K, V)>) {
        match windows {
            [] => elements.for_each(drop),
            [window] => self.add_to(*window, elements),
            [others @ .., last] => {
                for (key, value) in elements {
                    for window in others {
                        self.add_to(*window, iter::once((key.clone(), value.clone())));
                    }
                    self.add_to(*last, iter::once((key, value)));
                }
            }
        }
    }

    #[inline]
    fn add_to(&mut self, window: u32, mut elements: impl Iterator<Item = (K, V)>) {
        while self.folding {
            let Some((key, value)) = elements.next() else { return };
            self.fold(window, key, value);
        }
        let mut scattered = 0;
        for (key, value) in elements {
            let hash = hash_of(&key);
            let partition = partition_of(hash);
            if Self::SCATTERS_FOLDED {
                let accumulator = <Raw as Arriving<V, C>>::first(value, &self.combiner);
                self.folded_parts[partition].push(hash as u32, window, key, accumulator);
            } else {
                self.raw_parts[partition].push(hash as u32, window, key, value);
            }
            scattered += 1;
        }
        self.bytes += scattered * Self::SCATTERED_BYTES;
    }

    #[inline]
    fn fold(&mut self, window: u32, key: K, value: V) {
        let found = self.folded.entry(
            mixed(hash_of(&key), window),
            |(held_window, (held, _))| *held_window == window && *held == key,
            |(held_window, (held, _))| mixed(hash_of(held), *held_window),
        );
        match found {
            Entry::Occupied(mut found) => self.combiner.add_owned(&mut found.get_mut().1.1, value),
            Entry::Vacant(free) => {
                free.insert((window, (key, <Raw as Arriving<V, C>>::first(value, &self.combiner))));
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

    #[cold]
    fn scatter_folded(&mut self) {
        self.bytes += self.folded.len() * Self::FOLDED_BYTES;
        for (window, (key, accumulator)) in self.folded.drain() {
            let hash = hash_of(&key);
            self.folded_parts[partition_of(hash)].push(hash as u32, window, key, accumulator);
        }
    }
}

fn empty_parts<K, X>() -> Vec<Entries<K, X>> {
    (0..KEY_GROUPS).map(|_| Entries::default()).collect()
}

/// The partition by the hash's upper half; tables use the lower.
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
        let bundle: &mut Bundle<(K, V)> = bundle.downcast();
        let mut numbers = Vec::new();
        bundle.drain_by_windows(|windows, elements| {
            numbers.clear();
            numbers.extend(windows.iter().map(|window| self.number_of(window)));
            self.add_run(&numbers, elements);
        });
    }

    fn bytes(&self) -> usize {
        self.bytes + self.folded.len() * Self::FOLDED_BYTES
    }

    fn take(&mut self) -> Vec<Box<dyn Partial>> {
        self.scatter_folded();
        self.bytes = 0;
        self.numbers.clear();
        let windows = Arc::new(take(&mut self.windows));
        let mostly_distinct = !self.folding;
        let raw = replace(&mut self.raw_parts, empty_parts());
        let folded = replace(&mut self.folded_parts, empty_parts());
        let part = |(raw, folded)| Part { windows: windows.clone(), raw, folded, mostly_distinct };
        raw.into_iter().zip(folded).map(|entries| Box::new(part(entries)) as Box<dyn Partial>).collect()
    }
}

const _: () = assert!(KEY_GROUPS.is_power_of_two(), "partitions are cut by hash bits");
