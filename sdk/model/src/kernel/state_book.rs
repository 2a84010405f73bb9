//! The book of a stateful transform's changes: which slots have changed since the last snapshot, and which entries are gone.
//!
//! In snapshots a key's entry is its state: the full form is put, deltas are merged, until they are as long as the full form was; then that
//! is put anew. So what is kept of a key is never much more than the key has. See `state_forms` for the forms.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::SlotId;
use super::bits::Bits;
use super::chunks::Chunks;
use super::slots::{Slot, Slots};
use super::state_forms::Writer;
use crate::coder::encode_key;
use crate::snapshot::StateLog;
use crate::state::State;
use crate::window::Window;
use crate::{BoxError, Key};

/// What has changed.
#[derive(Default)]
pub(super) struct Book {
    /// The numbers of the slots that have changed.
    changed: Bits,
    /// By the slots' numbers; of those behind the last none is in a snapshot.
    marks: Chunks<Mark>,
    /// Windows that have entries in a snapshot.
    saved: HashSet<Window, FixedState>,
    /// Those that had, and are gone.
    dropped: Vec<Window>,
    /// Entries that are in a snapshot, and gone.
    deleted: Vec<(Window, Vec<u8>)>,
}

/// What a snapshot has of a slot.
#[derive(Clone, Copy, Default)]
struct Mark {
    /// How long the full form is, and one; 0 if there is none, 1 if it must be put anew.
    full: u32,
    /// How long the deltas behind it are.
    deltas: u32,
}

impl Mark {
    const PUT_ANEW: Mark = Mark { full: 1, deltas: 0 };

    fn of(full: usize, deltas: usize) -> Mark {
        // What is too long to be told is put anew.
        match (u32::try_from(full + 1), u32::try_from(deltas)) {
            (Ok(full), Ok(deltas)) => Mark { full, deltas },
            _ => Mark::PUT_ANEW,
        }
    }
}

impl Book {
    /// Notes that a slot has changed.
    #[inline]
    pub(super) fn note(&mut self, slot: SlotId) {
        self.changed.insert(slot.0);
    }

    /// Notes that a slot was freed.
    pub(super) fn note_freed<K: Key, S>(
        &mut self,
        slot: SlotId,
        (of, window): (Slot<K, S>, Window),
    ) -> Result<(), BoxError> {
        if self.forget(slot).full > 0 {
            let mut key = Vec::new();
            encode_key(&of.key, &mut key)?;
            self.deleted.push((window, key));
        }
        Ok(())
    }

    /// Notes that a window is gone, and these slots with it.
    pub(super) fn note_closed(&mut self, window: Window, slots: &[u32]) {
        slots.iter().for_each(|slot| _ = self.forget(SlotId(*slot)));
        self.dropped.extend(self.saved.take(&window));
    }

    /// Notes that a slot was restored from these many bytes, which can be `read_again` as they are: else it is put anew.
    pub(super) fn note_restored(
        &mut self,
        slot: SlotId,
        window: Window,
        (full, deltas): (usize, usize),
        read_again: bool,
    ) {
        self.saved.insert(window);
        let mark = if read_again { Mark::of(full, deltas) } else { Mark::PUT_ANEW };
        *self::mark(&mut self.marks, slot.0) = mark;
        if !read_again {
            self.note(slot);
        }
    }

    /// Writes what is gone, and then the slots that have changed.
    pub(super) fn write<K: Key, S: State>(
        &mut self,
        slots: &mut Slots<K, S>,
        writer: &mut Writer,
        log: &mut StateLog,
    ) -> Result<(), BoxError> {
        // First: of what is put below none is gone.
        std::mem::take(&mut self.dropped).into_iter().for_each(|window| log.drop_window(window));
        std::mem::take(&mut self.deleted).into_iter().for_each(|(window, key)| log.delete(window, &key));
        let mut encoded = Vec::new();
        for number in self.changed.drain() {
            let Some((Slot { key, state, .. }, window)) = slots.get_mut(SlotId(number)) else { continue };
            let mark = mark(&mut self.marks, number);
            encoded.clear();
            encode_key(key, &mut encoded)?;
            if mark.full > Mark::PUT_ANEW.full {
                let delta = writer.delta(state)?;
                let deltas = mark.deltas.saturating_add(u32::try_from(delta.len()).unwrap_or(u32::MAX));
                if delta.is_empty() {
                    continue;
                }
                if deltas < mark.full - 1 {
                    mark.deltas = deltas;
                    log.merge(window, &encoded, delta);
                    continue;
                }
            }
            let full = writer.full(state)?;
            log.put(window, &encoded, full);
            *mark = Mark::of(full.len(), 0);
            self.saved.insert(window);
        }
        Ok(())
    }

    /// Takes back all that is known of a slot.
    fn forget(&mut self, slot: SlotId) -> Mark {
        self.changed.remove(slot.0);
        self.marks.get_mut(slot.0 as usize).map(std::mem::take).unwrap_or_default()
    }
}

/// The mark of the slot of this number.
fn mark(marks: &mut Chunks<Mark>, number: u32) -> &mut Mark {
    let at = number as usize;
    while marks.len() <= at {
        marks.push(Mark::default());
    }
    marks.get_mut(at).expect("there are so many")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{DAY, EventTime, Expires, Value};

    /// What a key takes beside itself and its value, both of eight bytes: its slot and its mark, and its place in a table that has just doubled.
    const fn beside<S>() -> usize {
        let in_table = 2 * (size_of::<u32>() + 1) * 8 / 7 + 1;
        size_of::<Option<Slot<u64, S>>>() + size_of::<Mark>() + 1 + in_table - 16
    }

    #[test]
    fn a_key_takes_little_beside_itself_and_its_value() {
        assert!(beside::<Value<u64>>() <= 48);
        assert!(beside::<Value<u64, Expires<EventTime, DAY>>>() <= 64);
    }
}
