//! What is held: the windows of each key, sorted, and the state of each.
//!
//! Keys are small dense numbers, so a key's windows are found by index, and a window among the few of its key by its place
//! in their order. The state of a (key, window) keeps its slot while it lives, even where merging changes its bounds.

use std::collections::VecDeque;

use purlin_model::kernel::{CellId, KeyId};
use purlin_model::window::Window;

use super::holds::Hold;
use super::panes::Panes;
use super::timers::{Domain, Entry, NEVER};

/// The state of one (key, window), by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// All that is kept of one (key, window), but for its trigger's words and its elements.
pub(super) struct Held {
    pub(super) key: KeyId,
    pub(super) window: Window,
    generation: u32,
    /// Takes elements and part in merging. Else the trigger has finished, which is all that is still known of the window, until gc.
    pub(super) active: bool,
    /// Elements came since the last pane.
    pub(super) has_new: bool,
    /// How many of them came with the present bundle.
    pub(super) arrived: u32,
    pub(super) cell: Option<CellId>,
    pub(super) panes: Panes,
    pub(super) hold: Hold,
    /// The trigger wants to be woken at the end of the window.
    pub(super) wakes_at_end: bool,
    /// The processing times at which it wants to be.
    pub(super) wakes: Vec<(Domain, i64)>,
    /// Where the window stands in the timers' queues.
    pub(super) queued_ms: [i64; 3],
    /// It has changed since the last snapshot, where any are taken.
    pub(super) changed: bool,
    /// What the last one has of it.
    pub(super) saved: Option<Saved>,
}

/// A (key, window) in a snapshot.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    /// The [extent](purlin_model::kernel::GroupStore::extent) of its cell, which can be built upon.
    pub(super) extent: u32,
    /// How long its entry was when it was put.
    pub(super) full: u32,
    /// How long the deltas behind that are.
    pub(super) deltas: u32,
}

impl Held {
    /// What the cell holds does not go on from what a snapshot has of it.
    pub(super) fn cell_is_new(&mut self) {
        if let Some(saved) = &mut self.saved {
            saved.extent = 0;
        }
    }
}

/// All windows of all keys.
#[derive(Default)]
pub(super) struct Windows {
    by_key: Vec<VecDeque<(Window, Slot)>>,
    held: Vec<Held>,
    free: Vec<Slot>,
    /// The triggers' words, `stride` for each slot.
    words: Vec<u64>,
    stride: usize,
}

impl Windows {
    pub(super) fn new(stride: usize) -> Self {
        Windows { stride, ..Windows::default() }
    }

    /// How many (key, window) there are.
    pub(super) fn len(&self) -> usize {
        self.held.len() - self.free.len()
    }

    /// The windows of `key`, by start.
    pub(super) fn of(&self, key: KeyId) -> impl Iterator<Item = (Window, Slot)> + '_ {
        self.by_key.get(key.0 as usize).into_iter().flatten().copied()
    }

    pub(super) fn has_none(&self, key: KeyId) -> bool {
        self.by_key.get(key.0 as usize).is_none_or(VecDeque::is_empty)
    }

    #[inline]
    pub(super) fn find(&self, key: KeyId, window: Window) -> Option<Slot> {
        let windows = self.by_key.get(key.0 as usize)?;
        match windows.back()? {
            (latest, slot) if *latest == window => Some(*slot),
            (latest, _) if *latest < window => None,
            _ => windows.binary_search_by(|(held, _)| held.cmp(&window)).ok().map(|at| windows[at].1),
        }
    }

    /// The slot of `(key, window)`, made if there is none.
    #[inline]
    pub(super) fn find_or_insert(&mut self, key: KeyId, window: Window) -> Slot {
        self.find(key, window).unwrap_or_else(|| self.insert(key, window))
    }

    fn insert(&mut self, key: KeyId, window: Window) -> Slot {
        let held = Held {
            key,
            window,
            generation: 0,
            active: true,
            has_new: false,
            arrived: 0,
            cell: None,
            panes: Panes::NONE,
            hold: Hold::default(),
            wakes_at_end: false,
            wakes: Vec::new(),
            queued_ms: [NEVER; 3],
            changed: false,
            saved: None,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                let old = &mut self[slot];
                *old = Held { generation: old.generation, ..held };
                self.state_mut(slot).fill(0);
                slot
            }
            None => {
                self.held.push(held);
                self.words.resize(self.held.len() * self.stride, 0);
                Slot(u32::try_from(self.held.len() - 1).expect("a shard holds fewer than 2^32 windows"))
            }
        };
        self.index(key, window, slot);
        slot
    }

    /// Gives a slot back; entries that still name it go by its old generation.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.unindex(slot);
        self[slot].generation = self[slot].generation.wrapping_add(1);
        self[slot].wakes = Vec::new();
        self[slot].changed = false;
        self.free.push(slot);
    }

    /// Changes the bounds of a window.
    pub(super) fn rename(&mut self, slot: Slot, window: Window) {
        self.unindex(slot);
        self[slot].window = window;
        self.index(self[slot].key, window, slot);
    }

    fn index(&mut self, key: KeyId, window: Window, slot: Slot) {
        let key = key.0 as usize;
        if self.by_key.len() <= key {
            self.by_key.resize_with(key + 1, VecDeque::new);
        }
        let windows = &mut self.by_key[key];
        let at = windows.partition_point(|(held, _)| *held < window);
        windows.insert(at, (window, slot));
    }

    fn unindex(&mut self, slot: Slot) {
        let Held { key, window, .. } = self[slot];
        let windows = &mut self.by_key[key.0 as usize];
        let at = windows.partition_point(|(held, _)| *held < window);
        debug_assert_eq!(windows[at].1, slot, "a window stands in its key's list while it is held");
        windows.remove(at);
    }

    pub(super) fn entry(&self, slot: Slot) -> Entry {
        (slot, self[slot].generation)
    }

    /// The slot that an entry was made for, unless it was given back since.
    pub(super) fn live(&self, (slot, generation): Entry) -> Option<Slot> {
        (self[slot].generation == generation).then_some(slot)
    }

    #[inline]
    pub(super) fn state(&self, slot: Slot) -> &[u64] {
        let at = slot.0 as usize * self.stride;
        &self.words[at..at + self.stride]
    }

    #[inline]
    pub(super) fn state_mut(&mut self, slot: Slot) -> &mut [u64] {
        let at = slot.0 as usize * self.stride;
        &mut self.words[at..at + self.stride]
    }
}

impl std::ops::Index<Slot> for Windows {
    type Output = Held;
    #[inline]
    fn index(&self, slot: Slot) -> &Held {
        &self.held[slot.0 as usize]
    }
}

impl std::ops::IndexMut<Slot> for Windows {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut Held {
        &mut self.held[slot.0 as usize]
    }
}
