//! Aggregation of a bounded input, in parallel: each thread scatters into partitions, then each partition is grouped by itself.
//!
//! While keys repeat, a thread folds into a table that fits its cache and scatters only the accumulators. Once
//! most (windows, key) pairs turn out to be distinct it stops folding and scatters what comes: hashing
//! it twice would cost more than it saves. Either way a partition's groups later fit the cache.
//!
//! An element of several windows is taken in once: elements that lie in the same set of windows are folded together, and what a window
//! holds is made of its sets' accumulators when it is emitted.
//!
//! Memory traffic is what costs. So sets of windows are looked up once per run of elements that share theirs, what is scattered is as
//! small as can be, and tables are made as large as they will be.

use std::any::Any;
use std::mem::{needs_drop, replace, size_of, take};
use std::sync::Arc;

use super::KEY_GROUPS;
use super::entries::Entries;
use super::folding::Folding;
use super::hash::hash_of;
use super::lift::{Arriving, Raw};
use super::partition::Part;
use super::set_numbers::SetNumbers;
use crate::bundle::{AnyBundle, Bundle};
use crate::combine::CombineFn;
use crate::{BoxError, Element, Key};

/// How many pairs a thread folds before it scatters them: their table stays within the second-level cache.
const FOLDED_MAX: usize = 16 * 1024;
/// How many at most, where each comes often: those that come most often are in the cache anyway.
const FOLDED_LIMIT: usize = 128 * 1024;
/// Up to this share of distinct pairs, more of them are held before they are scattered.
const OFTEN_PERCENT_MAX: usize = 20;
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

/// One thread's share of a grouping whose windows stay as they are.
pub(super) struct TypedAggregator<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    folding: bool,
    folded: Folding<K, C::Accumulator>,
    folded_max: usize,
    added_since_scatter: usize,
    sets: SetNumbers,
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
            folded: Folding::default(),
            folded_max: FOLDED_MAX,
            added_since_scatter: 0,
            sets: SetNumbers::default(),
            raw_parts: empty_parts(),
            folded_parts: empty_parts(),
            bytes: 0,
        }
    }

    /// Takes in elements that lie in the windows of one set.
    #[inline]
    fn add_to(&mut self, set: u32, mut elements: impl Iterator<Item = (K, V)>) {
        while self.folding {
            let table = self.folded.table_of(set);
            while self.folded.len < self.folded_max {
                let Some((key, value)) = elements.next() else { return };
                let add = |accumulator: &mut _, value| self.combiner.add_owned(accumulator, value);
                let first = |value| <Raw as Arriving<V, C>>::first(value, &self.combiner);
                self.folded.fold(table, key, value, add, first);
                self.added_since_scatter += 1;
            }
            let share = |percent: usize| self.added_since_scatter * percent / 100;
            if self.folded.len < share(OFTEN_PERCENT_MAX) && self.folded_max < FOLDED_LIMIT {
                self.folded_max *= 2;
                continue;
            }
            self.folding = self.folded.len < share(DISTINCT_PERCENT_MAX);
            self.scatter_folded();
            self.added_since_scatter = 0;
        }
        let mut scattered = 0;
        for (key, value) in elements {
            let hash = hash_of(&key);
            let partition = partition_of(hash);
            if Self::SCATTERS_FOLDED {
                let accumulator = <Raw as Arriving<V, C>>::first(value, &self.combiner);
                self.folded_parts[partition].push(hash as u32, set, key, accumulator);
            } else {
                self.raw_parts[partition].push(hash as u32, set, key, value);
            }
            scattered += 1;
        }
        self.bytes += scattered * Self::SCATTERED_BYTES;
    }

    #[cold]
    fn scatter_folded(&mut self) {
        self.bytes += self.folded.len * Self::FOLDED_BYTES;
        let parts = &mut self.folded_parts;
        self.folded.drain(4 * self.folded_max, |set, key, accumulator| {
            let hash = hash_of(&key);
            parts[partition_of(hash)].push(hash as u32, set, key, accumulator);
        });
    }
}

pub(super) fn empty_parts<K, X>() -> Vec<Entries<K, X>> {
    (0..KEY_GROUPS).map(|_| Entries::default()).collect()
}

/// The partition by the hash's upper half; tables use the lower.
#[inline]
pub(super) fn partition_of(hash: u64) -> usize {
    (hash >> 32) as usize % KEY_GROUPS
}

impl<K: Key, V: Element, C: CombineFn<V>> Aggregator for TypedAggregator<K, V, C> {
    fn add(&mut self, bundle: &mut dyn AnyBundle) {
        let bundle: &mut Bundle<(K, V)> = bundle.downcast();
        bundle.drain_by_windows(|set, elements| {
            if set.is_empty() {
                return elements.for_each(drop);
            }
            let set = self.sets.of(set);
            self.add_to(set, elements);
        });
    }

    fn bytes(&self) -> usize {
        self.bytes + self.folded.len * Self::FOLDED_BYTES
    }

    fn take(&mut self) -> Vec<Box<dyn Partial>> {
        self.scatter_folded();
        self.folded.forget_sets();
        self.bytes = 0;
        let sets = Arc::new(take(&mut self.sets).into_sets());
        let mostly_distinct = !self.folding;
        let raw = replace(&mut self.raw_parts, empty_parts());
        let folded = replace(&mut self.folded_parts, empty_parts());
        let part = |(raw, folded)| Part { sets: sets.clone(), raw, folded, mostly_distinct };
        raw.into_iter().zip(folded).map(|entries| Box::new(part(entries)) as Box<dyn Partial>).collect()
    }
}

const _: () = assert!(KEY_GROUPS.is_power_of_two(), "partitions are cut by hash bits");
