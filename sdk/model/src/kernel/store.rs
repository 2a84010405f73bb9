//! The store under a trigger machine: typed cells that the machine names by number.

use std::marker::PhantomData;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::accumulated::decoded;
use super::hash::hash_of;
use crate::bundle::{AnyBundle, ElementSides};
use crate::coder::{Coder, Postcard, encode_key};
use crate::combine::CombineFn;
use crate::{BoxError, DropCause, Dropped, Element, Key};

/// A key, by number, as long as the store holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// The elements of one key in one window, by number, until freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub u32);

/// Keys and their cells for a machine that decides when cells are made, merged, emitted and freed.
pub trait GroupStore: Send {
    /// Takes a bundle's elements in and fills `keys` with the key of each. They wait for [`add`](Self::add) until the next call.
    fn take_in(&mut self, bundle: &mut dyn AnyBundle, keys: &mut Vec<KeyId>);
    /// An empty cell.
    fn new_cell(&mut self) -> CellId;
    /// Adds waiting element `element` to `cell`; `last` says that it goes to no further cell.
    fn add(&mut self, element: usize, cell: CellId, last: bool);
    /// Appends a copy of waiting element `element`, of this key, to `dropped`, a bundle of [`Dropped`].
    fn drop_into(
        &mut self,
        key: KeyId,
        element: usize,
        cause: DropCause,
        sides: ElementSides,
        dropped: &mut dyn AnyBundle,
    );
    /// Adds everything in `from` to `into` and frees `from`.
    fn merge(&mut self, into: CellId, from: CellId);
    /// Appends the pane (key, contents of the cell) to `out`; the cell is emptied unless `keep`. Without a cell the pane is empty.
    fn emit(&mut self, key: KeyId, cell: Option<CellId>, keep: bool, sides: ElementSides, out: &mut dyn AnyBundle);
    /// Empties a cell.
    fn clear(&mut self, cell: CellId);
    /// Gives a cell's number back.
    fn free(&mut self, cell: CellId);
    /// Gives a key's number back; it has no cells any more.
    fn forget(&mut self, key: KeyId);
    /// Appends a key's encoding.
    fn encode_key(&self, key: KeyId, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// The number of a key, which is held from now on, by its encoding.
    fn restore_key(&mut self, encoded: &[u8]) -> Result<KeyId, BoxError>;
    /// Whether something has been added to a cell since it was made or emptied.
    fn is_filled(&self, cell: CellId) -> bool;
    /// How much a cell holds that has only grown at its end since it was last empty: see
    /// [`CombineFn::extent`](crate::combine::CombineFn::extent).
    fn extent(&self, cell: CellId) -> Option<u32>;
    /// Appends the encoding of what came into a cell after its first `extent`.
    fn encode_cell(&self, cell: CellId, extent: u32, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// Adds what was encoded to a cell.
    fn restore_cell(&mut self, cell: CellId, encoded: &[u8]) -> Result<(), BoxError>;
}

pub(super) struct TypedStore<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    ids: HashTable<u32>,
    keys: Vec<Option<K>>,
    free_keys: Vec<u32>,
    cells: Vec<Option<C::Accumulator>>,
    free_cells: Vec<u32>,
    waiting: Vec<Option<V>>,
    of: PhantomData<fn(V)>,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedStore<K, V, C> {
    pub(super) fn new(combiner: Arc<C>) -> Self {
        TypedStore {
            combiner,
            ids: HashTable::new(),
            keys: Vec::new(),
            free_keys: Vec::new(),
            cells: Vec::new(),
            free_cells: Vec::new(),
            waiting: Vec::new(),
            of: PhantomData,
        }
    }

    fn id_of(&mut self, key: K) -> KeyId {
        let keys = &mut self.keys;
        let held = |id: &u32| keys[*id as usize].as_ref();
        let entry =
            self.ids.entry(hash_of(&key), |id| held(id) == Some(&key), |id| held(id).map_or(0, |key| hash_of(key)));
        match entry {
            Entry::Occupied(found) => KeyId(*found.get()),
            Entry::Vacant(free) => {
                let id = self.free_keys.pop().unwrap_or(keys.len() as u32);
                free.insert(id);
                if id as usize == keys.len() {
                    keys.push(Some(key));
                } else {
                    keys[id as usize] = Some(key);
                }
                KeyId(id)
            }
        }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>> GroupStore for TypedStore<K, V, C> {
    fn take_in(&mut self, bundle: &mut dyn AnyBundle, ids: &mut Vec<KeyId>) {
        ids.clear();
        self.waiting.clear();
        for ((key, value), _) in bundle.downcast::<(K, V)>().drain() {
            ids.push(self.id_of(key));
            self.waiting.push(Some(value));
        }
    }

    fn new_cell(&mut self) -> CellId {
        match self.free_cells.pop() {
            Some(id) => CellId(id),
            None => {
                self.cells.push(None);
                CellId(self.cells.len() as u32 - 1)
            }
        }
    }

    fn add(&mut self, element: usize, cell: CellId, last: bool) {
        let accumulator = self.cells[cell.0 as usize].get_or_insert_with(|| self.combiner.create());
        let waiting = &mut self.waiting[element];
        if last {
            let value = waiting.take().expect("an element goes to its last cell once");
            self.combiner.add_owned(accumulator, value);
        } else {
            let value = waiting.as_ref().expect("an element waits until its last cell");
            self.combiner.add(accumulator, value);
        }
    }

    fn drop_into(
        &mut self,
        key: KeyId,
        element: usize,
        cause: DropCause,
        sides: ElementSides,
        dropped: &mut dyn AnyBundle,
    ) {
        let key = self.keys[key.0 as usize].clone().expect("a key is held while its elements wait");
        let value = self.waiting[element].clone().expect("an element waits until its last cell");
        dropped.downcast().push(Dropped { element: (key, value), cause }, sides);
    }

    fn merge(&mut self, into: CellId, from: CellId) {
        let moved = self.cells[from.0 as usize].take();
        self.free_cells.push(from.0);
        let Some(moved) = moved else { return };
        match &mut self.cells[into.0 as usize] {
            Some(accumulator) => self.combiner.merge(accumulator, moved),
            empty => *empty = Some(moved),
        }
    }

    fn emit(&mut self, key: KeyId, cell: Option<CellId>, keep: bool, sides: ElementSides, out: &mut dyn AnyBundle) {
        let held = cell.and_then(|cell| {
            let cell = &mut self.cells[cell.0 as usize];
            if keep { cell.clone() } else { cell.take() }
        });
        let accumulator = held.unwrap_or_else(|| self.combiner.create());
        let key = self.keys[key.0 as usize].clone().expect("a key is held while it has windows");
        out.downcast().push((key, self.combiner.extract(accumulator)), sides);
    }

    fn clear(&mut self, cell: CellId) {
        self.cells[cell.0 as usize] = None;
    }

    fn free(&mut self, cell: CellId) {
        self.cells[cell.0 as usize] = None;
        self.free_cells.push(cell.0);
    }

    fn forget(&mut self, key: KeyId) {
        let Some(held) = self.keys[key.0 as usize].take() else { return };
        if let Ok(found) = self.ids.find_entry(hash_of(&held), |id| *id == key.0) {
            found.remove();
        }
        self.free_keys.push(key.0);
    }

    fn encode_key(&self, key: KeyId, into: &mut Vec<u8>) -> Result<(), BoxError> {
        encode_key(self.keys[key.0 as usize].as_ref().expect("a key is held while it has windows"), into)
    }

    fn restore_key(&mut self, encoded: &[u8]) -> Result<KeyId, BoxError> {
        let key = decoded(encoded)?;
        Ok(self.id_of(key))
    }

    fn is_filled(&self, cell: CellId) -> bool {
        self.cells[cell.0 as usize].is_some()
    }

    fn extent(&self, cell: CellId) -> Option<u32> {
        let extent = self.combiner.extent(self.cells[cell.0 as usize].as_ref()?)?;
        u32::try_from(extent).ok()
    }

    fn encode_cell(&self, cell: CellId, extent: u32, into: &mut Vec<u8>) -> Result<(), BoxError> {
        match &self.cells[cell.0 as usize] {
            None => Ok(()),
            Some(accumulator) if extent == 0 => Postcard.encode(accumulator, into),
            Some(accumulator) => Postcard.encode(&self.combiner.since(accumulator, extent as usize), into),
        }
    }

    fn restore_cell(&mut self, cell: CellId, encoded: &[u8]) -> Result<(), BoxError> {
        let restored = decoded(encoded)?;
        match &mut self.cells[cell.0 as usize] {
            Some(accumulator) => self.combiner.merge(accumulator, restored),
            empty => *empty = Some(restored),
        }
        Ok(())
    }
}
