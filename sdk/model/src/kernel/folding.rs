//! What one thread has folded and not yet scattered: a table for each set of windows, so that what is scattered of a set stands together.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::hash::hash_of;
use crate::Key;

/// No table.
const NONE: u32 = u32::MAX;

/// Accumulators by set of windows and key.
pub(super) struct Folding<K, A> {
    /// Those in use come first; the others are empty, and keep their memory.
    tables: Vec<HashTable<(K, A)>>,
    /// The sets whose tables are in use.
    in_use: Vec<u32>,
    /// By set: the number of its table, if it has one.
    table_of: Vec<u32>,
    /// How many accumulators there are.
    pub(super) len: usize,
}

impl<K: Key, A> Folding<K, A> {
    /// The number of the set's table.
    #[inline]
    pub(super) fn table_of(&mut self, set: u32) -> usize {
        match self.table_of.get(set as usize) {
            Some(table) if *table != NONE => *table as usize,
            _ => self.begin_table(set),
        }
    }

    #[cold]
    fn begin_table(&mut self, set: u32) -> usize {
        let table = self.in_use.len();
        if self.table_of.len() <= set as usize {
            self.table_of.resize(set as usize + 1, NONE);
        }
        self.table_of[set as usize] = table as u32;
        self.in_use.push(set);
        if table == self.tables.len() {
            self.tables.push(HashTable::new());
        }
        table
    }

    /// Folds into the accumulator that the table has for `key`, or puts a first one there.
    #[inline]
    pub(super) fn fold<V>(
        &mut self,
        table: usize,
        key: K,
        value: V,
        add: impl FnOnce(&mut A, V),
        first: impl FnOnce(V) -> A,
    ) {
        match self.tables[table].entry(hash_of(&key), |(held, _)| *held == key, |(held, _)| hash_of(held)) {
            Entry::Occupied(mut found) => add(&mut found.get_mut().1, value),
            Entry::Vacant(free) => {
                free.insert((key, first(value)));
                self.len += 1;
            }
        }
    }

    /// Takes all out, set by set; tables keep memory for about `kept` accumulators at most.
    pub(super) fn drain(&mut self, kept: usize, mut take_one: impl FnMut(u32, K, A)) {
        for (set, table) in self.in_use.drain(..).zip(&mut self.tables) {
            self.table_of[set as usize] = NONE;
            table.drain().for_each(|(key, accumulator)| take_one(set, key, accumulator));
        }
        self.len = 0;
        if self.tables.iter().map(HashTable::capacity).sum::<usize>() > kept {
            self.tables.clear();
        }
    }

    /// Sets get new numbers from now on; nothing is held.
    pub(super) fn forget_sets(&mut self) {
        self.table_of.clear();
    }
}

impl<K, A> Default for Folding<K, A> {
    fn default() -> Self {
        Folding { tables: Vec::new(), in_use: Vec::new(), table_of: Vec::new(), len: 0 }
    }
}
