//! One table per window: the fast path where each window is emitted once, whole.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, IntoIter};

use super::hash::hash_of;
use super::lift::Arriving;
use super::window_numbers::WindowNumbers;
use crate::Key;
use crate::bundle::{AnyBundle, ElementSides};
use crate::combine::CombineFn;
use crate::window::{Window, WindowSet};
use crate::{Element, Pane};

/// Accumulators per window and key, for windows that fire once.
pub trait WindowTable: Send {
    /// Folds a bundle in; its elements may lie in several windows. Appends windows that had no table yet to `opened`.
    fn fold(&mut self, bundle: &mut dyn AnyBundle, opened: &mut Vec<Window>);
    /// Moves up to `limit` results of `window` to `out`; `true` once there are no more. The window takes no elements meanwhile.
    fn emit(&mut self, window: Window, limit: usize, out: &mut dyn AnyBundle) -> bool;
    /// How many (window, key) pairs are held.
    fn len(&self) -> usize;
    /// Whether nothing is held.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(super) struct TypedTable<K, V, C: CombineFn<V>, F> {
    combiner: Arc<C>,
    numbers: WindowNumbers,
    tables: Vec<HashTable<(K, C::Accumulator)>>,
    emitting: Option<(Window, IntoIter<(K, C::Accumulator)>)>,
    of: std::marker::PhantomData<fn(V, F)>,
}

impl<K: Key, V: Element, C: CombineFn<V>, F: Arriving<V, C>> TypedTable<K, V, C, F> {
    pub(super) fn new(combiner: Arc<C>) -> Self {
        TypedTable {
            combiner,
            numbers: WindowNumbers::default(),
            tables: Vec::new(),
            emitting: None,
            of: std::marker::PhantomData,
        }
    }

    /// The number of the window's table.
    #[inline]
    fn index_of(&mut self, window: Window, opened: &mut Vec<Window>) -> usize {
        let (number, is_new) = self.numbers.of(window);
        let number = number as usize;
        if is_new {
            opened.push(window);
            if number == self.tables.len() {
                self.tables.push(HashTable::new());
            }
        }
        number
    }

    #[inline]
    fn fold_one(combiner: &C, table: &mut HashTable<(K, C::Accumulator)>, key: K, value: F::Item) {
        match table.entry(hash_of(&key), |(held, _)| *held == key, |(held, _)| hash_of(held)) {
            Entry::Occupied(mut found) => F::fold(value, combiner, &mut found.get_mut().1),
            Entry::Vacant(free) => {
                free.insert((key, F::first(value, combiner)));
            }
        }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>, F: Arriving<V, C>> WindowTable for TypedTable<K, V, C, F> {
    fn fold(&mut self, bundle: &mut dyn AnyBundle, opened: &mut Vec<Window>) {
        let mut of_run = Vec::new();
        bundle.downcast::<(K, F::Item)>().drain_by_windows(|windows, elements| {
            of_run.clear();
            of_run.extend(windows.iter().map(|window| self.index_of(window, opened)));
            let Some((last, others)) = of_run.split_last() else { return elements.for_each(drop) };
            for (key, value) in elements {
                for other in others {
                    Self::fold_one(&self.combiner, &mut self.tables[*other], key.clone(), value.clone());
                }
                Self::fold_one(&self.combiner, &mut self.tables[*last], key, value);
            }
        });
    }

    fn emit(&mut self, window: Window, limit: usize, out: &mut dyn AnyBundle) -> bool {
        if self.emitting.as_ref().is_none_or(|(current, _)| *current != window) {
            let Some(number) = self.numbers.remove(window) else { return true };
            self.emitting = Some((window, std::mem::take(&mut self.tables[number as usize]).into_iter()));
        }
        let Some((_, results)) = &mut self.emitting else { return true };
        let sides = ElementSides {
            timestamp: window.max_timestamp(),
            windows: WindowSet::one(window),
            pane: Pane::ON_TIME_AND_ONLY,
        };
        let panes = results.by_ref().take(limit).map(|(key, accumulator)| (key, self.combiner.extract(accumulator)));
        out.downcast().extend_with(panes, sides);
        let done = results.len() == 0;
        if done {
            self.emitting = None;
        }
        done
    }

    fn len(&self) -> usize {
        let emitting = self.emitting.as_ref().map_or(0, |(_, results)| results.len());
        emitting + self.tables.iter().map(HashTable::len).sum::<usize>()
    }
}
