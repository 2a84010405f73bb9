//! The states of a transform's keys: a table per window, from key to the number of a slot.
//!
//! A key is hashed once when an element comes; a timer names its slot by number, without hashing. A window's table is dropped whole.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::SlotId;
use super::chunks::Chunks;
use super::hash::hash_of;
use super::window_numbers::WindowNumbers;
use crate::Key;
use crate::window::Window;

/// States by key and window, named by number.
pub(super) struct Slots<K, S> {
    numbers: WindowNumbers,
    /// By the windows' numbers.
    windows: Vec<OfWindow>,
    /// By their numbers.
    slots: Chunks<Option<Slot<K, S>>>,
    free: Vec<u32>,
}

struct OfWindow {
    window: Window,
    /// Numbers of slots, by the hashes of their keys.
    table: HashTable<u32>,
}

/// One key's state in one window.
pub(super) struct Slot<K, S> {
    pub(super) key: K,
    pub(super) state: S,
    window: u32,
}

impl<K: Key, S> Slots<K, S> {
    pub(super) fn new() -> Self {
        Slots { numbers: WindowNumbers::default(), windows: Vec::new(), slots: Chunks::default(), free: Vec::new() }
    }

    /// The number of the window's table, and whether it is new.
    #[inline]
    pub(super) fn window(&mut self, window: Window) -> (u32, bool) {
        let (number, is_new) = self.numbers.of(window);
        if is_new {
            let of_window = OfWindow { window, table: HashTable::new() };
            match self.windows.get_mut(number as usize) {
                Some(unused) => *unused = of_window,
                None => self.windows.push(of_window),
            }
        }
        (number, is_new)
    }

    /// The slot of `key` in the window of this number; a new one gets the state that `new` makes.
    #[inline]
    pub(super) fn slot(&mut self, window: u32, key: K, new: impl FnOnce() -> S) -> (SlotId, &mut Slot<K, S>) {
        let Slots { windows, slots, free, .. } = self;
        let hash = hash_of(&key);
        let entry = windows[window as usize].table.entry(
            hash,
            |id| held(slots, *id).is_some_and(|slot| slot.key == key),
            |id| held(slots, *id).map_or(0, |slot| hash_of(&slot.key)),
        );
        let id = match entry {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(vacant) => {
                let slot = Some(Slot { key, state: new(), window });
                let unused = free.pop().and_then(|id| Some((id, slots.get_mut(id as usize)?)));
                let id = match unused {
                    Some((id, place)) => {
                        *place = slot;
                        id
                    }
                    None => {
                        slots.push(slot);
                        slots.len() as u32 - 1
                    }
                };
                vacant.insert(id);
                id
            }
        };
        let slot = slots.get_mut(id as usize).and_then(Option::as_mut);
        (SlotId(id), slot.expect("tables hold slots that are in use"))
    }

    /// The slot of this number, if it is in use, and its window.
    #[inline]
    pub(super) fn get_mut(&mut self, id: SlotId) -> Option<(&mut Slot<K, S>, Window)> {
        let slot = self.slots.get_mut(id.0 as usize)?.as_mut()?;
        let window = self.windows[slot.window as usize].window;
        Some((slot, window))
    }

    /// Frees a slot; gives what was in it, and its window.
    pub(super) fn release(&mut self, id: SlotId) -> Option<(Slot<K, S>, Window)> {
        let slot = self.slots.get_mut(id.0 as usize)?.take()?;
        let OfWindow { window, table } = &mut self.windows[slot.window as usize];
        if let Ok(found) = table.find_entry(hash_of(&slot.key), |held| *held == id.0) {
            found.remove();
        }
        self.free.push(id.0);
        Some((slot, *window))
    }

    /// Forgets a window; its slots are still in use, each until it is [taken](Self::take).
    pub(super) fn close(&mut self, window: Window) -> Option<Vec<u32>> {
        let number = self.numbers.remove(window)?;
        let table = std::mem::take(&mut self.windows[number as usize].table);
        Some(table.into_iter().collect())
    }

    /// Frees a slot of a window that was closed, and gives what was in it.
    pub(super) fn take(&mut self, id: u32) -> Option<Slot<K, S>> {
        let slot = self.slots.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(slot)
    }

    /// How many slots are in use.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// All numbers of slots in use are below this.
    pub(super) fn places(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Every slot in use.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SlotId, &mut Slot<K, S>)> {
        self.slots.iter_mut().enumerate().filter_map(|(id, slot)| Some((SlotId(id as u32), slot.as_mut()?)))
    }
}

/// The slot of this number, if it is in use.
#[inline]
fn held<K, S>(slots: &Chunks<Option<Slot<K, S>>>, id: u32) -> Option<&Slot<K, S>> {
    slots.get(id as usize)?.as_ref()
}

#[cfg(test)]
mod tests {
    use super::super::chunks::CHUNK;
    use super::*;
    use crate::Timestamp;

    fn window(n: i64) -> Window {
        Window::new(Timestamp::from_millis(n), Timestamp::from_millis(n + 1))
    }

    #[test]
    fn slots_are_found_by_key_and_window_and_used_again() {
        let mut slots = Slots::<String, u32>::new();
        let mut slot = |n: i64, key: &str, state: u32| {
            let (number, _) = slots.window(window(n));
            let (id, slot) = slots.slot(number, key.to_string(), || state);
            (id.0, slot.state)
        };
        assert_eq!(
            [slot(0, "a", 1), slot(0, "b", 2), slot(1, "a", 3), slot(0, "a", 9)],
            [(0, 1), (1, 2), (2, 3), (0, 1)]
        );
        slots.release(SlotId(1));
        assert!(slots.get_mut(SlotId(1)).is_none());
        let (number, is_new) = slots.window(window(0));
        assert!(!is_new);
        assert_eq!(slots.slot(number, "c".to_string(), || 4).0, SlotId(1));
        assert_eq!(slots.len(), 3);

        let mut closed = slots.close(window(0)).expect("it is open");
        closed.sort();
        assert_eq!(closed, [0, 1]);
        assert_eq!(closed.into_iter().filter_map(|id| slots.take(id)).map(|slot| slot.state).sum::<u32>(), 1 + 4);
        assert_eq!(slots.len(), 1);
        let (other, of) = slots.get_mut(SlotId(2)).expect("another window's");
        assert_eq!((other.key.as_str(), other.state, of), ("a", 3, window(1)));
        assert!(slots.close(window(0)).is_none());
    }

    #[test]
    fn many_slots_are_found_again() {
        let mut slots = Slots::<u64, u64>::new();
        let (number, _) = slots.window(window(0));
        let many = 3 * CHUNK as u64 + 7;
        (0..many).for_each(|key| assert_eq!(slots.slot(number, key, || key * 2).0.0 as u64, key));
        (0..many).step_by(2).for_each(|key| {
            slots.release(SlotId(key as u32));
        });
        (0..many).for_each(|key| assert_eq!(slots.slot(number, key, || key * 2).1.state, key * 2));
        assert_eq!(slots.len(), many as usize);
        assert_eq!(slots.iter_mut().map(|(_, slot)| slot.state).sum::<u64>(), many * (many - 1));
    }
}
