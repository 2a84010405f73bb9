//! Each key's accumulators in a queue, slice after slice, into which each window lets in some at the back and lets others out at the
//! front.
//!
//! Two stacks make the queue (van Herk, Gil and Werman): at the back what came since the last turn, merged into one; at the front, at
//! each place, the merge of all from there to where the last turn was made. When the front is used up, the back is turned over to be the
//! front. So a group costs one merge, and so does each accumulator coming in and being turned, however many slices a window has. It is
//! done in place: memory is what the entries need.
//!
//! Accumulators that keep their values cost what they hold to be merged, so stacks of them would cost more than they save: of those
//! a window's are merged one by one.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::groups::spread;
use super::hash::hash_of;
use super::lift::{Arriving, Raw};
use super::shares::Shares;
use super::slices::Slices;
use crate::combine::CombineFn;
use crate::{Element, Key};

/// The queue of each key.
pub(super) struct Queues<K, A> {
    pub(super) keys: Vec<Queue<K, A>>,
    /// By slice, each key at most once in each.
    entries: Vec<InSlice<A>>,
    /// The entries' places, key by key.
    by_key: Vec<u32>,
}

/// One key's accumulator of a slice, or that of all from there to the turn.
struct InSlice<A> {
    slice: u32,
    key: u32,
    accumulator: A,
}

/// A key's place in its entries: those up to `front` are out, those up to `turn` in the front, those up to `back` in the back,
/// and those up to `end` still to come.
pub(super) struct Queue<K, A> {
    pub(super) key: K,
    front: u32,
    turn: u32,
    pub(super) back: u32,
    pub(super) end: u32,
    /// All of the back.
    merged: Option<A>,
    /// The next key that waits for the same slice.
    pub(super) waits_before: Option<u32>,
}

impl<K: Key, A: Element> Queues<K, A> {
    /// Folds what lies in a slice, slice after slice, and puts each key's accumulators in a queue.
    pub(super) fn of<V: Element, C: CombineFn<V, Accumulator = A>>(
        combiner: &C,
        mut shares: Shares<K, V, A>,
        slices: &Slices,
    ) -> Self {
        let mut filling =
            Filling { numbers: HashTable::new(), keys: Vec::new(), latest: Vec::new(), entries: Vec::new() };
        for ((_, set), slice) in slices.slices.iter().zip(0..) {
            shares.raw.drain(*set, |hash, key, value| match filling.find(slice, hash, key) {
                Found::Held(accumulator) => combiner.add_owned(accumulator, value),
                Found::New(key) => filling.push(slice, key, <Raw as Arriving<V, C>>::first(value, combiner)),
            });
            shares.folded.drain(*set, |hash, key, accumulator| match filling.find(slice, hash, key) {
                Found::Held(held) => combiner.merge(held, accumulator),
                Found::New(key) => filling.push(slice, key, accumulator),
            });
        }
        let Filling { mut keys, entries, .. } = filling;
        let mut begin = 0;
        for queue in &mut keys {
            let count = queue.end;
            (queue.front, queue.turn, queue.back, queue.end) = (begin, begin, begin, begin);
            begin += count;
        }
        let mut by_key = vec![0; entries.len()];
        for (entry, number) in entries.iter().zip(0..) {
            let end = &mut keys[entry.key as usize].end;
            by_key[*end as usize] = number;
            *end += 1;
        }
        Queues { keys, entries, by_key }
    }

    /// The slice of the entry at `place`.
    pub(super) fn slice(&self, place: u32) -> u32 {
        self.entries[self.by_key[place as usize] as usize].slice
    }

    /// Brings the key's queue to the slices from `ended` to `begun`; `false` if there is nothing in them.
    #[inline]
    pub(super) fn move_on<V, C: CombineFn<V, Accumulator = A>>(
        &mut self,
        key: u32,
        begun: u32,
        ended: u32,
        keeps_values: bool,
        combiner: &C,
    ) -> bool {
        let Self { keys, entries, by_key } = self;
        let queue = &mut keys[key as usize];
        let before = queue.front;
        while queue.front < queue.back && entries[by_key[queue.front as usize] as usize].slice < ended {
            queue.front += 1;
        }
        if !keeps_values && queue.front > before && queue.front >= queue.turn {
            queue.merged = None;
            queue.turn = queue.back;
            for place in (queue.front + 1..queue.back).rev() {
                let [earlier, later] = [place - 1, place].map(|place| by_key[place as usize] as usize);
                let later = entries[later].accumulator.clone();
                combiner.merge(&mut entries[earlier].accumulator, later);
            }
        }
        while queue.back < queue.end {
            let entry = &entries[by_key[queue.back as usize] as usize];
            if entry.slice >= begun {
                break;
            }
            match &mut queue.merged {
                _ if keeps_values => {}
                Some(merged) => combiner.merge(merged, entry.accumulator.clone()),
                none => *none = Some(entry.accumulator.clone()),
            }
            queue.back += 1;
        }
        queue.front < queue.back
    }

    /// All that is in the key's queue, which is not empty.
    #[inline]
    pub(super) fn merged<V, C: CombineFn<V, Accumulator = A>>(&self, key: u32, keeps_values: bool, combiner: &C) -> A {
        let queue = &self.keys[key as usize];
        let accumulator = |place: u32| &self.entries[self.by_key[place as usize] as usize].accumulator;
        let in_front = || accumulator(queue.front).clone();
        if keeps_values {
            let mut all = in_front();
            (queue.front + 1..queue.back).for_each(|place| combiner.merge(&mut all, accumulator(place).clone()));
            return all;
        }
        match &queue.merged {
            Some(merged) if queue.front >= queue.turn => merged.clone(),
            Some(merged) => {
                let mut all = in_front();
                combiner.merge(&mut all, merged.clone());
                all
            }
            None => in_front(),
        }
    }
}

/// Entries of the slices so far.
struct Filling<K, A> {
    /// By the hash of the key.
    numbers: HashTable<u32>,
    /// Of each, only the key and in `end` how many entries it has.
    keys: Vec<Queue<K, A>>,
    /// Each key's last entry.
    latest: Vec<u32>,
    entries: Vec<InSlice<A>>,
}

enum Found<'a, A> {
    /// The key's accumulator of the slice.
    Held(&'a mut A),
    /// The key's number; it has none yet.
    New(u32),
}

impl<K: Key, A> Filling<K, A> {
    #[inline]
    fn find(&mut self, slice: u32, hash: u32, key: K) -> Found<'_, A> {
        let Self { numbers, keys, latest, entries } = self;
        let key_of = |number: &u32| &keys[*number as usize].key;
        let found = numbers.entry(
            spread(hash),
            |number| *key_of(number) == key,
            |number| spread(hash_of(key_of(number)) as u32),
        );
        match found {
            Entry::Occupied(number) => {
                let number = *number.get();
                match &mut entries[latest[number as usize] as usize] {
                    entry if entry.slice == slice => Found::Held(&mut entry.accumulator),
                    _ => Found::New(number),
                }
            }
            Entry::Vacant(free) => {
                let number = keys.len() as u32;
                free.insert(number);
                keys.push(Queue { key, front: 0, turn: 0, back: 0, end: 0, merged: None, waits_before: None });
                latest.push(0);
                Found::New(number)
            }
        }
    }

    #[inline]
    fn push(&mut self, slice: u32, key: u32, accumulator: A) {
        self.latest[key as usize] = u32::try_from(self.entries.len()).expect("a partition has less than 2^32 groups");
        self.keys[key as usize].end += 1;
        self.entries.push(InSlice { slice, key, accumulator });
    }
}
