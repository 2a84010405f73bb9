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
use hashbrown::hash_table::{Entry, IntoIter};

use super::KEY_GROUPS;
use super::hash::hash_of;
use super::partition::{Entries, Part};
use super::window_numbers::WindowNumbers;
use crate::bundle::{AnyBundle, Bundle, ElementSides};
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
    /// Moves up to `limit` groups to `out`, of one window unless windows are small; `false` once there are no more.
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool;
}

/// A bundle of this part of the limit is large enough: another window's groups would make its side columns vary.
const SMALL_SHARE: usize = 16;

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
                let accumulator = accumulator_of(&*self.combiner, value);
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
                free.insert((window, (key, accumulator_of(&*self.combiner, value))));
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

#[inline]
fn accumulator_of<V, C: CombineFn<V>>(combiner: &C, value: V) -> C::Accumulator {
    let mut accumulator = combiner.create();
    combiner.add_owned(&mut accumulator, value);
    accumulator
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

/// Grouped as they are emitted, window by window, in one table that is used again and stays in the cache.
pub(super) struct TypedGroups<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    waiting: Vec<WindowEntries<K, V, C::Accumulator>>,
    mostly_distinct: bool,
    table: HashTable<Accumulated<K, V, C>>,
    /// The groups of a window that has more than one call may emit.
    emitting: Option<(Window, IntoIter<Accumulated<K, V, C>>)>,
}

/// The entries of one window, of all threads.
struct WindowEntries<K, V, A> {
    window: Window,
    raw: Entries<K, V>,
    folded: Entries<K, A>,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedGroups<K, V, C> {
    pub(super) fn merging(combiner: Arc<C>, partials: Vec<Box<dyn Partial>>) -> Self {
        let typed = |partial: Box<dyn Partial>| -> Part<K, V, C::Accumulator> {
            *partial.into_any().downcast().expect("partials come from aggregators of this grouping")
        };
        let parts: Vec<_> = partials.into_iter().map(typed).collect();
        let mostly_distinct = parts.iter().all(|part| part.mostly_distinct);
        let waiting = by_window(parts);
        TypedGroups { combiner, waiting, mostly_distinct, table: HashTable::new(), emitting: None }
    }

    /// Fills the table, which is empty.
    fn group(&mut self, entries: WindowEntries<K, V, C::Accumulator>) {
        // The lower half of a hash, spread over all bits again: tables go by the lowest and by the highest.
        let spread = |hash: u32| u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rehash = |(held, _): &Accumulated<K, V, C>| spread(hash_of(held) as u32);
        let Self { combiner, table, .. } = self;
        if self.mostly_distinct {
            table.reserve(entries.raw.len() + entries.folded.len(), rehash);
        }
        entries.raw.drain(|hash, key, value| match table.entry(spread(hash), |(held, _)| *held == key, rehash) {
            Entry::Occupied(mut found) => combiner.add_owned(&mut found.get_mut().1, value),
            Entry::Vacant(free) => {
                free.insert((key, accumulator_of(&**combiner, value)));
            }
        });
        entries.folded.drain(|hash, key, value| match table.entry(spread(hash), |(held, _)| *held == key, rehash) {
            Entry::Occupied(mut found) => combiner.merge(&mut found.get_mut().1, value),
            Entry::Vacant(free) => {
                free.insert((key, value));
            }
        });
    }
}

/// The entries of a partition by window.
fn by_window<K: Key, V, A>(parts: Vec<Part<K, V, A>>) -> Vec<WindowEntries<K, V, A>> {
    let mut numbers = WindowNumbers::default();
    let mut windows = Vec::new();
    let (mut raw, mut folded) = (Vec::new(), Vec::new());
    for part in parts {
        // From the part's numbers to ours; of windows without entries here, to none.
        let mut renumbered = vec![u32::MAX; part.windows.len()];
        for (window, _) in part.raw.runs().chain(part.folded.runs()) {
            let (number, window) = (&mut renumbered[window as usize], part.windows[window as usize]);
            if *number == u32::MAX {
                let (new_number, is_new) = numbers.of(window);
                *number = new_number;
                windows.extend(is_new.then_some(window));
            }
        }
        let renumbered = Arc::new(renumbered);
        raw.push((part.raw, renumbered.clone()));
        folded.push((part.folded, renumbered));
    }
    let raw = Entries::by_window(raw, windows.len());
    let folded = Entries::by_window(folded, windows.len());
    let entries = windows.into_iter().zip(raw.into_iter().zip(folded));
    entries.map(|(window, (raw, folded))| WindowEntries { window, raw, folded }).collect()
}

impl<K: Key, V: Element, C: CombineFn<V>> Groups for TypedGroups<K, V, C> {
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool {
        let out: &mut Bundle<(K, C::Output)> = out.downcast();
        loop {
            if self.emitting.is_none() {
                let Some(entries) = self.waiting.pop() else { return false };
                let window = entries.window;
                self.group(entries);
                if self.table.len() + out.len() <= limit {
                    let results = self.table.drain().map(|(key, group)| (key, self.combiner.extract(group)));
                    out.extend_with(results, sides_of(window));
                } else {
                    self.emitting = Some((window, take(&mut self.table).into_iter()));
                }
            }
            if let Some((window, groups)) = &mut self.emitting {
                let room = limit.saturating_sub(out.len());
                let results = groups.by_ref().take(room).map(|(key, group)| (key, self.combiner.extract(group)));
                out.extend_with(results, sides_of(*window));
                if groups.len() != 0 {
                    return true;
                }
                self.emitting = None;
            }
            if out.len() * SMALL_SHARE >= limit {
                return !self.waiting.is_empty();
            }
        }
    }
}

fn sides_of(window: Window) -> ElementSides {
    ElementSides { timestamp: window.max_timestamp(), windows: WindowSet::one(window), pane: Pane::ON_TIME_AND_ONLY }
}

const _: () = assert!(KEY_GROUPS.is_power_of_two(), "partitions are cut by hash bits");
