//! The groups of one partition whose windows grow together.
//!
//! First the windows alone are looked at: key by key, in order of time, they are merged, and each entry is told which result it belongs to.
//! Then the entries are folded in the order in which they lie, so that no value is moved but into its accumulator.
//!
//! What comes of a key stands in order of time, as on a stream.

use std::marker::PhantomData;
use std::sync::Arc;
use std::vec::IntoIter;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::aggregator::{Groups, Partial};
use super::entries::{Chunk, Entries};
use super::groups::{sides_of, spread};
use super::hash::hash_of;
use super::merging_aggregator::{MergingPart, Starting, placed};
use crate::bundle::{AnyBundle, Bundle};
use crate::combine::CombineFn;
use crate::window::{Merged, Window, WindowFn};
use crate::{Element, Key, Timestamp};

/// Groups, key by key.
pub(super) struct MergingGroups<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    /// Each window with the number of its key.
    windows: IntoIter<(Window, u32)>,
    /// By window.
    accumulators: IntoIter<C::Accumulator>,
    /// The keys of the windows that are still to come, each once.
    keys: IntoIter<K>,
    of: PhantomData<fn(V)>,
}

impl<K: Key, V: Element, C: CombineFn<V>> MergingGroups<K, V, C> {
    /// The groups of what `partials` hold, whose windows `function` merges.
    pub(super) fn new(combiner: Arc<C>, function: &dyn WindowFn, partials: Vec<Box<dyn Partial>>) -> Self {
        let shares: Vec<MergingPart<K, V>> = partials
            .into_iter()
            .map(|partial| *partial.into_any().downcast().expect("partials come from aggregators of this grouping"))
            .collect();
        let mut shapes = Vec::new();
        let mut chunks = Vec::new();
        for share in shares {
            let first_shape = shapes.len() as u32;
            shapes.extend(share.sets.iter().map(|set| set.first()));
            chunks.extend(share.raw.into_chunks().into_iter().map(|chunk| (chunk, first_shape)));
        }
        let (keys, arrivals) = Arrivals::of(&chunks);
        let Results { windows, of_entry } = arrivals.merged(&shapes, function);

        let mut accumulators: Vec<C::Accumulator> = windows.iter().map(|_| combiner.create()).collect();
        let pairs = chunks.into_iter().flat_map(|(chunk, _)| chunk.pairs);
        for ((_, (_, value)), window) in pairs.zip(of_entry) {
            combiner.add_owned(&mut accumulators[window as usize], value);
        }
        MergingGroups {
            combiner,
            windows: windows.into_iter(),
            accumulators: accumulators.into_iter(),
            keys: keys.into_iter(),
            of: PhantomData,
        }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>> Groups for MergingGroups<K, V, C> {
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool {
        let out: &mut Bundle<(K, C::Output)> = out.downcast();
        while out.len() < limit {
            let Some(((window, number), accumulator)) = self.windows.next().zip(self.accumulators.next()) else {
                break;
            };
            let has_more = self.windows.as_slice().first().is_some_and(|(_, next)| *next == number);
            let key = if has_more { self.keys.as_slice().first().cloned() } else { self.keys.next() };
            let Some(key) = key else { break };
            out.push((key, self.combiner.extract(accumulator)), sides_of(window));
        }
        !self.windows.as_slice().is_empty()
    }
}

/// The windows of all entries, key by key.
struct Arrivals {
    windows: Vec<Arrival>,
    /// By key: where its windows end.
    ends: Vec<u32>,
}

/// The window of an entry.
#[derive(Clone, Copy)]
struct Arrival {
    start: Timestamp,
    shape: u32,
    entry: u32,
}

/// What windows have become.
struct Results {
    /// With the number of the key; key by key, in order of time.
    windows: Vec<(Window, u32)>,
    /// By entry: which of them it belongs to.
    of_entry: Vec<u32>,
}

impl Arrivals {
    /// The keys, and the windows of the entries in chunks, each of which comes with the number of its first shape.
    fn of<K: Key, V>(chunks: &[(Chunk<K, Starting<V>>, u32)]) -> (Vec<K>, Self) {
        let total = chunks.iter().map(|(chunk, _)| chunk.pairs.len()).sum();
        assert!(total < u32::MAX as usize, "a partition has less than 2^32 elements");
        let mut key_of: Vec<u32> = Vec::with_capacity(total);
        let mut keys: Vec<K> = Vec::new();
        let mut ends: Vec<u32> = Vec::new();
        let mut numbers: HashTable<u32> = HashTable::new();
        for (chunk, _) in chunks {
            for (i, (key, _)) in chunk.pairs.iter().enumerate() {
                let hash = if Entries::<K, V>::KEEPS_HASHES { chunk.hashes[i] } else { hash_of(key) as u32 };
                let rehash = |number: &u32| spread(hash_of(&keys[*number as usize]) as u32);
                let number = match numbers.entry(spread(hash), |number| keys[*number as usize] == *key, rehash) {
                    Entry::Occupied(number) => *number.get(),
                    Entry::Vacant(free) => {
                        let number = keys.len() as u32;
                        free.insert(number);
                        keys.push(key.clone());
                        ends.push(0);
                        number
                    }
                };
                ends[number as usize] += 1;
                key_of.push(number);
            }
        }
        let mut end = 0;
        for count in &mut ends {
            (*count, end) = (end, end + *count);
        }
        let nowhere = Arrival { start: Timestamp::MIN, shape: 0, entry: 0 };
        let mut windows = vec![nowhere; total];
        let mut entry = 0;
        for (chunk, first_shape) in chunks {
            let mut starts = chunk.pairs.iter().map(|(_, (start, _))| *start);
            for (shape, len) in chunk.runs() {
                for start in starts.by_ref().take(len) {
                    let place = &mut ends[key_of[entry as usize] as usize];
                    windows[*place as usize] = Arrival { start, shape: first_shape + shape, entry };
                    *place += 1;
                    entry += 1;
                }
            }
        }
        (keys, Arrivals { windows, ends })
    }

    /// Merges each key's windows.
    fn merged(mut self, shapes: &[Window], function: &dyn WindowFn) -> Results {
        let mut results = Results { windows: Vec::new(), of_entry: vec![0; self.windows.len()] };
        let one_shape = shapes.iter().all(|shape| *shape == shapes[0]);
        let one_tag = shapes.iter().all(|shape| shape.tag == shapes[0].tag);
        let by_sweeping = one_tag && function.merges_overlaps();
        let mut begin = 0;
        for (key, end) in (0..).zip(&self.ends) {
            let of_key = &mut self.windows[begin as usize..*end as usize];
            if !by_sweeping {
                results.ask(key, of_key, shapes, function);
            } else {
                match one_shape {
                    true => of_key.sort_unstable_by_key(|arrival| arrival.start),
                    false => of_key.sort_unstable_by_key(|arrival| (arrival.start, shapes[arrival.shape as usize].end)),
                }
                results.sweep(key, of_key, shapes);
            }
            begin = *end;
        }
        results
    }
}

impl Results {
    /// Windows that overlap become one, as [`Merged::overlapping`] has it. They stand in order of start and end.
    fn sweep(&mut self, key: u32, arrivals: &[Arrival], shapes: &[Window]) {
        let window = |arrival: &Arrival| placed(shapes[arrival.shape as usize], arrival.start);
        let Some(first) = arrivals.first() else { return };
        let mut before = window(first);
        let mut result = before;
        for arrival in arrivals {
            let next = window(arrival);
            // Even an empty window is one with its like.
            if result.end > next.start || next == before {
                result.end = result.end.max(next.end);
            } else {
                self.windows.push((result, key));
                result = next;
            }
            before = next;
            self.of_entry[arrival.entry as usize] = self.windows.len() as u32;
        }
        self.windows.push((result, key));
    }

    /// The function says what windows become.
    fn ask(&mut self, key: u32, arrivals: &[Arrival], shapes: &[Window], function: &dyn WindowFn) {
        let of_arrival = |arrival: &Arrival| (placed(shapes[arrival.shape as usize], arrival.start), arrival.entry);
        let mut windows: Vec<(Window, u32)> = arrivals.iter().map(of_arrival).collect();
        windows.sort_unstable();
        let mut distinct: Vec<Window> = windows.iter().map(|(window, _)| *window).collect();
        distinct.dedup();
        let mut becomes: Vec<(Window, Window)> = Vec::new();
        for Merged { result, parts } in function.merge(&distinct) {
            becomes.extend(parts.into_iter().map(|part| (part, result)));
        }
        becomes.sort_unstable();
        for (window, _) in &mut windows {
            if let Ok(at) = becomes.binary_search_by(|(part, _)| part.cmp(window)) {
                *window = becomes[at].1;
            }
        }
        windows.sort_unstable_by_key(|(window, _)| (window.end, window.start, window.tag));
        for of_window in windows.chunk_by(|(before, _), (window, _)| before == window) {
            of_window.iter().for_each(|(_, entry)| self.of_entry[*entry as usize] = self.windows.len() as u32);
            self.windows.push((of_window[0].0, key));
        }
    }
}
