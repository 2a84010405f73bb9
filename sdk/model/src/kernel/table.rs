//! One table per window: the fast path where each window is emitted once, whole.
//!
//! In snapshots a key's entry is its accumulator: see `accumulated`. A window that was emitted is dropped as a whole.

use std::marker::PhantomData;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry as Place, IntoIter};

use super::accumulated::{self, Scratch};
use super::hash::hash_of;
use super::lift::Arriving;
use super::tracking::Track;
use super::window_numbers::WindowNumbers;
use crate::Key;
use crate::bundle::{AnyBundle, ElementSides};
use crate::combine::CombineFn;
use crate::snapshot::{StateEntry, StateLog};
use crate::window::{Window, WindowSet};
use crate::{BoxError, Element, Pane};

/// Accumulators per window and key, for windows that fire once.
pub trait WindowTable: Send {
    /// Folds a bundle in; its elements may lie in several windows. Appends windows that had no table yet to `opened`.
    fn fold(&mut self, bundle: &mut dyn AnyBundle, opened: &mut Vec<Window>);
    /// Moves up to `limit` results of `window` to `out`; `true` once there are no more. The window takes no elements meanwhile.
    fn emit(&mut self, window: Window, limit: usize, out: &mut dyn AnyBundle) -> bool;
    /// Appends what has changed since the last snapshot. No window is half emitted. Only of a table that keeps book of changes.
    fn snapshot(&mut self, log: &mut StateLog) -> Result<(), BoxError>;
    /// Takes over what snapshots hold, before the first bundle.
    fn restore(&mut self, entries: Vec<StateEntry>, opened: &mut Vec<Window>) -> Result<(), BoxError>;
    /// How many (window, key) pairs are held.
    fn len(&self) -> usize;
    /// Whether nothing is held.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

pub(super) struct TypedTable<K, V, C: CombineFn<V>, F, T: Track> {
    combiner: Arc<C>,
    numbers: WindowNumbers,
    tables: Vec<OfWindow<Entry<K, C::Accumulator, T>, T>>,
    emitting: Option<(Window, IntoIter<Entry<K, C::Accumulator, T>>)>,
    /// Windows that are in a snapshot and were emitted since.
    dropped: Vec<Window>,
    of: PhantomData<fn(V, F)>,
}

type Entry<K, A, T> = (K, A, <T as Track>::Mark);

/// The entries of one window.
struct OfWindow<E, T: Track> {
    entries: HashTable<E>,
    book: T::Book,
}

impl<E, T: Track> Default for OfWindow<E, T> {
    fn default() -> Self {
        OfWindow { entries: HashTable::new(), book: T::Book::default() }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>, F: Arriving<V, C>, T: Track> TypedTable<K, V, C, F, T> {
    pub(super) fn new(combiner: Arc<C>) -> Self {
        TypedTable {
            combiner,
            numbers: WindowNumbers::default(),
            tables: Vec::new(),
            emitting: None,
            dropped: Vec::new(),
            of: PhantomData,
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
                self.tables.push(OfWindow::default());
            }
        }
        number
    }

    #[inline]
    fn fold_one(combiner: &C, table: &mut OfWindow<Entry<K, C::Accumulator, T>, T>, key: K, value: F::Item) {
        let OfWindow { entries, book } = table;
        let hash = hash_of(&key);
        match entries.entry(hash, |(held, ..)| *held == key, |(held, ..)| hash_of(held)) {
            Place::Occupied(mut found) => {
                let (_, accumulator, mark) = found.get_mut();
                F::fold(value, combiner, accumulator);
                T::note(mark, book, hash);
            }
            Place::Vacant(free) => {
                let mut mark = T::Mark::default();
                T::note_new(&mut mark, book, hash);
                free.insert((key, F::first(value, combiner), mark));
            }
        }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>, F: Arriving<V, C>, T: Track> WindowTable for TypedTable<K, V, C, F, T> {
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
            let OfWindow { entries, mut book } = std::mem::take(&mut self.tables[number as usize]);
            self.dropped.extend(T::book(&mut book).filter(|book| book.is_saved).map(|_| window));
            self.emitting = Some((window, entries.into_iter()));
        }
        let Some((_, results)) = &mut self.emitting else { return true };
        let sides = ElementSides {
            timestamp: window.max_timestamp(),
            windows: WindowSet::one(window),
            pane: Pane::ON_TIME_AND_ONLY,
        };
        let panes = results.by_ref().take(limit).map(|(key, accumulator, _)| (key, self.combiner.extract(accumulator)));
        out.downcast().extend_with(panes, sides);
        let done = results.len() == 0;
        if done {
            self.emitting = None;
        }
        done
    }

    fn snapshot(&mut self, log: &mut StateLog) -> Result<(), BoxError> {
        if self.emitting.is_some() {
            return Err("a window is half emitted: snapshots are taken when nothing is due".into());
        }
        // First: of what is put below none is gone.
        self.dropped.drain(..).for_each(|window| log.drop_window(window));
        let mut scratch = Scratch::default();
        for (window, number) in self.numbers.iter() {
            let OfWindow { entries, book } = &mut self.tables[number as usize];
            let Some(book) = T::book(book) else { return Err("this table keeps no book of changes".into()) };
            let mut write = |(key, accumulator, mark): &mut Entry<K, C::Accumulator, T>| match T::mark(mark) {
                Some(mark) if mark.is_changed() => {
                    accumulated::write(&*self.combiner, window, (key, accumulator), mark, &mut scratch, log)
                }
                _ => Ok(()),
            };
            match book.list() {
                Some(changed) => {
                    changed.into_iter().try_for_each(|hash| entries.iter_hash_mut(hash).try_for_each(&mut write))?;
                }
                None => entries.iter_mut().try_for_each(write)?,
            }
            book.note_saved(entries.len());
        }
        Ok(())
    }

    fn restore(&mut self, entries: Vec<StateEntry>, opened: &mut Vec<Window>) -> Result<(), BoxError> {
        for StateEntry { window, key, value, deltas } in entries {
            let key: K = accumulated::decoded(&key)?;
            let (accumulator, restored) = accumulated::read(&*self.combiner, &value, &deltas)?;
            let number = self.index_of(window, opened);
            let OfWindow { entries, book } = &mut self.tables[number];
            let mut entry = (key, accumulator, T::Mark::default());
            if let Some(mark) = T::mark(&mut entry.2) {
                *mark = restored;
            }
            entries.insert_unique(hash_of(&entry.0), entry, |(held, ..)| hash_of(held));
            if let Some(book) = T::book(book) {
                book.note_saved(entries.len());
            }
        }
        Ok(())
    }

    fn len(&self) -> usize {
        let emitting = self.emitting.as_ref().map_or(0, |(_, results)| results.len());
        emitting + self.tables.iter().map(|table| table.entries.len()).sum::<usize>()
    }
}
