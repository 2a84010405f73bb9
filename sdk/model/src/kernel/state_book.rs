//! The book of a stateful transform's changes: which slots have changed since the last snapshot, and which entries are gone.
//!
//! In snapshots a key's entry is its state: the full form is put, deltas are merged, until they are as long as the full form was; then that
//! is put anew. So what is kept of a key is never much more than the key has. See `state_forms` for the forms.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::SlotId;
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
    /// By the slots' numbers.
    marks: Vec<Mark>,
    /// The slots that were marked as changed.
    changed: Vec<SlotId>,
    /// Windows that have entries in a snapshot.
    saved: HashSet<Window, FixedState>,
    /// Those that had, and are gone.
    dropped: Vec<Window>,
    /// Entries that are in a snapshot, and gone.
    deleted: Vec<(Window, Vec<u8>)>,
}

/// What is known of a slot's entry.
#[derive(Clone, Copy, Default)]
struct Mark {
    changed: bool,
    saved: bool,
    /// How long the full form in the snapshot is; 0 where it must be put anew.
    full: u32,
    /// How long the deltas behind it are.
    deltas: u32,
}

impl Book {
    /// Notes that a slot has changed.
    #[inline]
    pub(super) fn note(&mut self, slot: SlotId) {
        let mark = self.mark(slot);
        if !std::mem::replace(&mut mark.changed, true) {
            self.changed.push(slot);
        }
    }

    /// Notes that a slot was freed.
    pub(super) fn note_freed<K: Key, S>(
        &mut self,
        slot: SlotId,
        (of, window): (Slot<K, S>, Window),
    ) -> Result<(), BoxError> {
        if std::mem::take(self.mark(slot)).saved {
            let mut key = Vec::new();
            encode_key(&of.key, &mut key)?;
            self.deleted.push((window, key));
        }
        Ok(())
    }

    /// Notes that a window is gone, and these slots with it.
    pub(super) fn note_closed(&mut self, window: Window, slots: &[u32]) {
        slots.iter().for_each(|slot| *self.mark(SlotId(*slot)) = Mark::default());
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
        let (full, deltas) = if read_again { (full as u32, deltas as u32) } else { (0, 0) };
        *self.mark(slot) = Mark { changed: false, saved: true, full, deltas };
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
        self.dropped.drain(..).for_each(|window| log.drop_window(window));
        self.deleted.drain(..).for_each(|(window, key)| log.delete(window, &key));
        let mut encoded = Vec::new();
        for slot in self.changed.drain(..) {
            let mark = &mut self.marks[slot.0 as usize];
            // It was freed since, or stands here twice for that it was.
            if !std::mem::take(&mut mark.changed) {
                continue;
            }
            let Some((Slot { key, state, .. }, window)) = slots.get_mut(slot) else { continue };
            encoded.clear();
            encode_key(key, &mut encoded)?;
            if mark.full > 0 {
                let delta = writer.delta(state)?;
                let deltas = mark.deltas.saturating_add(delta.len() as u32);
                if delta.is_empty() {
                    continue;
                }
                if deltas < mark.full {
                    mark.deltas = deltas;
                    log.merge(window, &encoded, delta);
                    continue;
                }
            }
            let full = writer.full(state)?;
            log.put(window, &encoded, full);
            *mark = Mark { changed: false, saved: true, full: full.len() as u32, deltas: 0 };
            self.saved.insert(window);
        }
        Ok(())
    }

    #[inline]
    fn mark(&mut self, slot: SlotId) -> &mut Mark {
        let at = slot.0 as usize;
        if at >= self.marks.len() {
            self.marks.resize(at + 1, Mark::default());
        }
        &mut self.marks[at]
    }
}
