//! Timers: which (key, window) is to be woken when.
//!
//! Each (key, window) stands in a queue at most once per clock, at or before its next wake-up: when a session grows its
//! entry stays, and moves once its time has come. So an element costs nothing here and an advance costs what is due. Entries
//! of windows that are gone are recognised by their generation.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::windows::Slot;

/// Which clock a timer goes by.
///
/// Snapshots name them by their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Domain {
    /// The input watermark.
    Event,
    /// The local processing time.
    Processing,
    /// The smaller of the local and the upstream's pending processing time.
    Synchronized,
}

impl Domain {
    pub(super) const ALL: [Domain; 3] = [Domain::Event, Domain::Processing, Domain::Synchronized];
}

/// No wake-up.
pub(super) const NEVER: i64 = i64::MAX;

/// An entry: a slot, and its generation when it was made.
pub(super) type Entry = (Slot, u32);

/// One queue per clock. Many windows end at the same time, so entries are kept by time.
#[derive(Default)]
pub(super) struct Timers {
    queues: [BTreeMap<i64, VecDeque<Entry>>; 3],
}

impl Timers {
    pub(super) fn insert(&mut self, domain: Domain, at_ms: i64, entry: Entry) {
        self.queues[domain as usize].entry(at_ms).or_default().push_back(entry);
    }

    /// The earliest entry.
    pub(super) fn first(&self, domain: Domain) -> Option<(i64, Entry)> {
        let (at, entries) = self.queues[domain as usize].first_key_value()?;
        Some((*at, *entries.front()?))
    }

    /// Removes the earliest entry.
    pub(super) fn pop(&mut self, domain: Domain) {
        if let Some(mut earliest) = self.queues[domain as usize].first_entry() {
            earliest.get_mut().pop_front();
            if earliest.get().is_empty() {
                earliest.remove();
            }
        }
    }
}
