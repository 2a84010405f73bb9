//! Snapshots: what has changed per (key, window), written and taken back.
//!
//! Format 1, as entries of a [`StateLog`]: a put is the [`Kept`] of the (key, window), then its cell; a merge is a `Kept` that replaces the
//! one before, then what has come into the cell since. Timers, holds and the order of windows are made from these. A window that
//! expires does so for all keys at once, and is dropped as a whole; one that merging has made part of another, or given other bounds, is
//! deleted, and what it has become is put.

use std::collections::BTreeSet;

use purlin_model::coder::{Coder, Postcard};
use purlin_model::snapshot::{StateEntry, StateLog};
use purlin_model::window::Window;
use purlin_model::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};

use super::TriggerMachine;
use super::holds::Hold;
use super::panes::Panes;
use super::timers::Domain;
use super::tree::Clock;
use super::windows::{Held, Saved, Slot};
use crate::core::snapshot::Clocks;

/// What has changed since the last snapshot.
#[derive(Default)]
pub(super) struct Book {
    /// The slots that were marked as changed, some of which were freed since.
    changed: Vec<Slot>,
    /// Entries that are in a snapshot, and gone.
    deleted: StateLog,
    /// Windows of which entries are in a snapshot, and which have expired.
    dropped: BTreeSet<Window>,
    /// A key that could not be written.
    failed: Option<BoxError>,
}

/// All that is written of a (key, window), but for its elements.
#[derive(Serialize, Deserialize)]
struct Kept {
    active: bool,
    has_new: bool,
    panes: (u64, i64),
    hold: Option<Timestamp>,
    holds_at_gc: bool,
    wakes_at_end: bool,
    wakes: Vec<(Domain, i64)>,
    words: Vec<u64>,
    /// The elements follow.
    has_elements: bool,
}

impl TriggerMachine {
    /// From now on it keeps book of what changes; nothing has come yet.
    pub(in crate::core) fn track_changes(&mut self) {
        self.book = Some(Box::default());
    }

    /// Notes that a (key, window) has changed.
    pub(super) fn note_change(&mut self, slot: Slot) {
        if let Some(book) = &mut self.book
            && !std::mem::replace(&mut self.windows[slot].changed, true)
        {
            book.changed.push(slot);
        }
    }

    /// Notes that a (key, window) is about to be no more.
    pub(super) fn note_removal(&mut self, slot: Slot) {
        let Some(book) = &mut self.book else { return };
        let Held { key, window, saved, .. } = &mut self.windows[slot];
        if saved.take().is_none() {
            return;
        }
        let mut encoded = Vec::new();
        match self.store.encode_key(*key, &mut encoded) {
            Ok(()) => book.deleted.delete(*window, &encoded),
            Err(cause) => book.failed = Some(cause),
        }
    }

    /// Notes that a window is about to expire.
    pub(super) fn note_expiry(&mut self, slot: Slot) {
        if let Some(book) = &mut self.book
            && self.windows[slot].saved.take().is_some()
        {
            book.dropped.insert(self.windows[slot].window);
        }
    }

    /// Appends what has changed since the last snapshot to `log`; gives where the machine stands in time.
    pub(in crate::core) fn snapshot(&mut self, log: &mut StateLog) -> Result<Clocks, BoxError> {
        let book = self.book.as_mut().ok_or("no book of changes is kept")?;
        let Book { changed, deleted, dropped, failed } = std::mem::take(&mut **book);
        if let Some(cause) = failed {
            return Err(cause);
        }
        // First: of what is put below none is gone.
        log.append(deleted);
        dropped.into_iter().for_each(|window| log.drop_window(window));
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for slot in changed {
            // It was freed since, or stands here twice for that it was.
            if std::mem::take(&mut self.windows[slot].changed) {
                key.clear();
                self.store.encode_key(self.windows[slot].key, &mut key)?;
                self.write(slot, &key, &mut value, log)?;
            }
        }
        let Clock { watermark, synchronized_ms, .. } = self.clock;
        Ok(Clocks {
            input_watermark: watermark,
            output_watermark: self.output_watermark,
            synchronized_ms,
            ..Clocks::START
        })
    }

    fn write(&mut self, slot: Slot, key: &[u8], value: &mut Vec<u8>, log: &mut StateLog) -> Result<(), BoxError> {
        let held = &self.windows[slot];
        let cell = held.cell.filter(|cell| self.store.is_filled(*cell));
        let extent = cell.and_then(|cell| self.store.extent(cell));
        let (window, saved) = (held.window, held.saved);
        let kept = Kept {
            active: held.active,
            has_new: held.has_new,
            panes: held.panes.parts(),
            hold: held.hold.elements,
            holds_at_gc: held.hold.at_gc,
            wakes_at_end: held.wakes_at_end,
            wakes: held.wakes.clone(),
            words: self.windows.state(slot).to_vec(),
            has_elements: cell.is_some(),
        };
        if let (Some(saved), Some(cell), Some(extent)) = (saved, cell, extent)
            && saved.extent > 0
        {
            value.clear();
            Postcard.encode(&kept, value)?;
            self.store.encode_cell(cell, saved.extent, value)?;
            let deltas = saved.deltas.saturating_add(value.len() as u32);
            if deltas < saved.full {
                log.merge(window, key, value);
                self.windows[slot].saved = Some(Saved { extent, deltas, ..saved });
                return Ok(());
            }
        }
        value.clear();
        Postcard.encode(&kept, value)?;
        if let Some(cell) = cell {
            self.store.encode_cell(cell, 0, value)?;
        }
        log.put(window, key, value);
        self.windows[slot].saved = Some(Saved { extent: extent.unwrap_or(0), full: value.len() as u32, deltas: 0 });
        Ok(())
    }

    /// Takes over what snapshots hold.
    pub(in crate::core) fn restore(&mut self, entries: Vec<StateEntry>, clocks: Clocks) -> Result<(), BoxError> {
        let Clocks { input_watermark, output_watermark, synchronized_ms, .. } = clocks;
        self.clock = Clock { watermark: input_watermark, synchronized_ms, ..self.clock };
        self.output_watermark = output_watermark;
        entries.iter().try_for_each(|entry| self.restore_one(entry))
    }

    fn restore_one(&mut self, StateEntry { window, key, value, deltas }: &StateEntry) -> Result<(), BoxError> {
        let key = self.store.restore_key(key)?;
        let slot = self.windows.find_or_insert(key, *window);
        let cell = self.store.new_cell();
        let mut last: Option<Kept> = None;
        for mut form in [value].into_iter().chain(deltas).map(Vec::as_slice) {
            let kept: Kept = Postcard.decode(&mut form)?;
            if kept.has_elements {
                self.store.restore_cell(cell, form)?;
            } else if !form.is_empty() {
                return Err(format!("{} bytes are left over behind window {window}", form.len()).into());
            }
            last = Some(kept);
        }
        let Some(kept) = last else { return Ok(()) };
        let words = self.windows.state_mut(slot);
        if words.len() != kept.words.len() {
            let (expected, found) = (words.len(), kept.words.len());
            return Err(format!("a trigger's state has {expected} words, and that of window {window} {found}").into());
        }
        words.copy_from_slice(&kept.words);
        let extent = self.store.extent(cell).unwrap_or(0);
        if !kept.has_elements {
            self.store.free(cell);
        }
        let lengths = (value.len() as u32, deltas.iter().map(Vec::len).sum::<usize>() as u32);
        let held = &mut self.windows[slot];
        held.active = kept.active;
        held.has_new = kept.has_new;
        held.cell = kept.has_elements.then_some(cell);
        held.panes = Panes::of_parts(kept.panes);
        held.hold = Hold { elements: kept.hold, at_gc: kept.holds_at_gc, registered: None };
        held.wakes_at_end = kept.wakes_at_end;
        held.wakes = kept.wakes;
        held.saved = self.book.is_some().then_some(Saved { extent, full: lengths.0, deltas: lengths.1 });
        self.queue(slot);
        self.register_hold(slot);
        Ok(())
    }
}
