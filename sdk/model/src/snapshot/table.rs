//! What logs, applied one after the other, have made of the state of one transform.
//!
//! A table per window, hashed by the placement of the encoded keys, which is computed once per record and gives the key group, too. Bytes
//! stay bytes: merges are kept beside the value that they change, for only the shard that wrote them knows how to.
//!
//! The order of what comes out depends on what went in and on nothing of this process.

use foldhash::fast::FixedState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::{Change, StateEntry, StateLog, StateLogError, StateRecord, StateRecords, shard_of};
use crate::coder::placement;
use crate::kernel::KEY_GROUPS;
use crate::window::Window;

/// The keyed state of a transform, of all its shards.
///
/// ```
/// use purlin_model::snapshot::{StateLog, StateTable};
/// use purlin_model::window::Window;
///
/// let mut log = StateLog::default();
/// log.put(Window::GLOBAL, b"alice", b"7");
/// log.merge(Window::GLOBAL, b"alice", b"+1");
/// log.put(Window::GLOBAL, b"bob", b"3");
///
/// let mut table = StateTable::default();
/// table.apply(log.bytes(), 0, 1).unwrap();
/// assert_eq!(table.len(), 2);
/// let shards = table.into_shards(4);
/// let alice = shards.iter().flatten().find(|entry| entry.key == b"alice").unwrap();
/// assert_eq!((alice.value.as_slice(), alice.deltas.as_slice()), (b"7".as_slice(), [b"+1".to_vec()].as_slice()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct StateTable {
    windows: HashMap<Window, HashTable<Slot>, FixedState>,
}

/// 64 bytes: state of many small entries is mostly this.
#[derive(Clone, Debug)]
struct Slot {
    placement: u64,
    key: Box<[u8]>,
    value: Box<[u8]>,
    deltas: Vec<Vec<u8>>,
}

impl StateTable {
    /// Applies the changes that shard `worker` of `workers` has logged. Logs of one shard are applied in the order of their snapshots.
    ///
    /// After an error the table is in no known state.
    pub fn apply(&mut self, log: &[u8], worker: usize, workers: usize) -> Result<(), StateLogError> {
        let mut records = StateRecords::new(log);
        while let Some(record) = records.next() {
            match record? {
                StateRecord::DropWindow(window) => self.drop_window(window, worker, workers),
                StateRecord::Entry { window, key, change: Change::Put(value) } => self.put(window, key, value),
                StateRecord::Entry { window, key, change: Change::Merge(delta) } => match self.find(window, key) {
                    Some(slot) => slot.deltas.push(delta.to_vec()),
                    None => {
                        let what = "a change of an entry that is not there";
                        return Err(StateLogError { at: records.position(), what });
                    }
                },
                StateRecord::Entry { window, key, change: Change::Delete } => self.delete(window, key),
            }
        }
        Ok(())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.windows.values().map(HashTable::len).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.windows.values().all(HashTable::is_empty)
    }

    /// Deals the entries out to `shards` shards, at least one, by key group.
    pub fn into_shards(self, shards: usize) -> Vec<Vec<StateEntry>> {
        let mut dealt = vec![Vec::new(); shards];
        for (window, table) in self.into_windows() {
            for Slot { placement, key, value, deltas } in table {
                let entry = StateEntry { window, key: key.into_vec(), value: value.into_vec(), deltas };
                dealt[shard_of(group(placement), shards)].push(entry);
            }
        }
        dealt
    }

    /// The log that makes this table of an empty one.
    pub fn log(&self) -> StateLog {
        let mut windows: Vec<_> = self.windows.iter().collect();
        windows.sort_unstable_by_key(|(window, _)| **window);
        let mut log = StateLog::default();
        for (window, table) in windows {
            table.iter().for_each(|slot| slot.write(*window, &mut log));
        }
        log
    }

    /// Logs of about `bytes` bytes each that, one after the other, make this table of an empty one.
    pub fn into_logs(self, bytes: usize) -> impl Iterator<Item = StateLog> {
        let slots = self.into_windows().into_iter().flat_map(|(window, table)| {
            let slots = table.into_iter();
            slots.map(move |slot| (window, slot))
        });
        let mut slots = slots.peekable();
        std::iter::from_fn(move || {
            slots.peek()?;
            let mut log = StateLog::default();
            while log.bytes().len() < bytes.max(1)
                && let Some((window, slot)) = slots.next()
            {
                slot.write(window, &mut log);
            }
            Some(log)
        })
    }

    fn into_windows(self) -> Vec<(Window, HashTable<Slot>)> {
        let mut windows: Vec<_> = self.windows.into_iter().collect();
        windows.sort_unstable_by_key(|(window, _)| *window);
        windows
    }

    fn put(&mut self, window: Window, key: &[u8], value: &[u8]) {
        let placement = placement(key);
        let table = self.windows.entry(window).or_default();
        match table.entry(placement, |slot| *slot.key == *key, |slot| slot.placement) {
            Entry::Occupied(mut there) => {
                let slot = there.get_mut();
                slot.deltas.clear();
                if slot.value.len() == value.len() {
                    slot.value.copy_from_slice(value);
                } else {
                    slot.value = value.into();
                }
            }
            Entry::Vacant(free) => {
                free.insert(Slot { placement, key: key.into(), value: value.into(), deltas: Vec::new() });
            }
        }
    }

    fn find(&mut self, window: Window, key: &[u8]) -> Option<&mut Slot> {
        self.windows.get_mut(&window)?.find_mut(placement(key), |slot| *slot.key == *key)
    }

    fn delete(&mut self, window: Window, key: &[u8]) {
        let Some(table) = self.windows.get_mut(&window) else { return };
        if let Ok(there) = table.find_entry(placement(key), |slot| *slot.key == *key) {
            there.remove();
        }
        if table.is_empty() {
            self.windows.remove(&window);
        }
    }

    fn drop_window(&mut self, window: Window, worker: usize, workers: usize) {
        let Some(table) = self.windows.get_mut(&window) else { return };
        if workers > 1 {
            table.retain(|slot| shard_of(group(slot.placement), workers) != worker);
        }
        if workers <= 1 || table.is_empty() {
            self.windows.remove(&window);
        }
    }
}

impl Slot {
    fn write(&self, window: Window, log: &mut StateLog) {
        log.put(window, &self.key, &self.value);
        self.deltas.iter().for_each(|delta| log.merge(window, &self.key, delta));
    }
}

fn group(placement: u64) -> u8 {
    (placement as usize % KEY_GROUPS) as u8
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;
    use crate::snapshot::key_group;

    type Naive = BTreeMap<(Window, Vec<u8>), (Vec<u8>, Vec<Vec<u8>>)>;

    /// A change, by (kind, window, key, value); merges of absent entries are left out where the log is written.
    type Written = (u8, u8, u8, Vec<u8>);

    fn window(number: u8) -> Window {
        Window::new(Timestamp::from_millis(0), Timestamp::from_millis(1 + i64::from(number)))
    }

    /// Each change is logged by the shard that owns its key, as an engine of `workers` would; windows are dropped by one of them.
    fn logs(all: &[Written], workers: usize, naive: &mut Naive) -> Vec<StateLog> {
        let mut logs = vec![StateLog::default(); workers];
        for (kind, at, key, value) in all {
            let (window, key) = (window(*at), vec![*key]);
            let owner = shard_of(key_group(&key), workers);
            match kind {
                0..4 => {
                    naive.insert((window, key.clone()), (value.clone(), Vec::new()));
                    logs[owner].put(window, &key, value);
                }
                4..8 => {
                    if let Some((_, deltas)) = naive.get_mut(&(window, key.clone())) {
                        deltas.push(value.clone());
                        logs[owner].merge(window, &key, value);
                    }
                }
                8 => {
                    naive.remove(&(window, key.clone()));
                    logs[owner].delete(window, &key);
                }
                _ => {
                    naive.retain(|(w, key), _| *w != window || shard_of(key_group(key), workers) != owner);
                    logs[owner].drop_window(window);
                }
            }
        }
        logs
    }

    fn contents(shards: Vec<Vec<StateEntry>>) -> Naive {
        let entries = shards.into_iter().flatten();
        entries.map(|entry| ((entry.window, entry.key), (entry.value, entry.deltas))).collect()
    }

    proptest! {
        #[test]
        fn a_table_is_what_the_changes_make_of_it(
            snapshots in proptest::collection::vec((1_usize..5, proptest::collection::vec(
                (0..10_u8, 0..3_u8, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..4)), 0..60)), 0..4),
            shards in 1_usize..7,
        ) {
            let (mut table, mut naive) = (StateTable::default(), Naive::new());
            for (workers, changes) in &snapshots {
                for (worker, log) in logs(changes, *workers, &mut naive).iter().enumerate() {
                    table.apply(log.bytes(), worker, *workers).expect("it is a log");
                }
            }
            prop_assert_eq!(table.len(), naive.len());
            prop_assert_eq!(table.is_empty(), naive.is_empty());

            let mut compacted = StateTable::default();
            compacted.apply(table.log().bytes(), 0, 1).expect("it is a log");
            prop_assert_eq!(contents(compacted.into_shards(1)), naive.clone());

            let mut in_pieces = StateTable::default();
            for log in table.clone().into_logs(40) {
                prop_assert!(!log.is_empty());
                in_pieces.apply(log.bytes(), 0, 1).expect("it is a log");
            }
            prop_assert_eq!(contents(in_pieces.into_shards(1)), naive.clone());

            let dealt = table.into_shards(shards);
            for (shard, entries) in dealt.iter().enumerate() {
                prop_assert!(entries.iter().all(|entry| shard_of(key_group(&entry.key), shards) == shard));
            }
            prop_assert_eq!(contents(dealt), naive);
        }

        #[test]
        fn any_bytes_are_a_log_or_an_error(bytes in proptest::collection::vec(0..6_u8, 0..200)) {
            let _ = StateTable::default().apply(&bytes, 0, 2);
        }
    }

    #[test]
    fn a_change_of_nothing_is_damage() {
        let mut log = StateLog::default();
        log.merge(Window::GLOBAL, b"alice", b"+1");
        let error = StateTable::default().apply(log.bytes(), 0, 1).expect_err("there is no alice");
        assert_eq!(error.what, "a change of an entry that is not there");
        assert_eq!(error.at, log.bytes().len());
    }
}
