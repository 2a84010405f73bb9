//! The log of one shard's changes.
//!
//! Format 1: records one after the other, each a tag byte and what it needs. Lengths and times are varints (times zigzag first). A record
//! of a window says of which window the entries behind it are, so that a million keys of one window do not repeat it.
//!
//! | tag | record | then |
//! |---|---|---|
//! | 0 | the entries that follow are of this window | start, end, tag |
//! | 1 | all entries of the window are gone | start, end, tag |
//! | 2 | put: the entry is this | length, key, length, value |
//! | 3 | merge: the entry's value changes by this | length, key, length, delta |
//! | 4 | delete: the entry is gone | length, key |

use crate::Timestamp;
use crate::window::Window;

const OF_WINDOW: u8 = 0;
const DROP_WINDOW: u8 = 1;
const PUT: u8 = 2;
const MERGE: u8 = 3;
const DELETE: u8 = 4;

/// Changes of keyed state, in order, as bytes.
///
/// ```
/// use purlin_model::snapshot::{Change, StateLog, StateRecord, StateRecords};
/// use purlin_model::window::Window;
///
/// let mut log = StateLog::default();
/// log.put(Window::GLOBAL, b"alice", b"7");
/// log.delete(Window::GLOBAL, b"bob");
/// let records: Result<Vec<_>, _> = StateRecords::new(log.bytes()).collect();
/// let alice = StateRecord::Entry { window: Window::GLOBAL, key: b"alice", change: Change::Put(b"7") };
/// assert_eq!(records.unwrap()[0], alice);
/// ```
#[derive(Clone, Debug, Default)]
pub struct StateLog {
    bytes: Vec<u8>,
    window: Option<Window>,
    records: u64,
}

impl StateLog {
    /// The entry of `key` in `window` is `value` from now on.
    pub fn put(&mut self, window: Window, key: &[u8], value: &[u8]) {
        self.entry(PUT, window, key);
        self.blob(value);
    }

    /// The entry's value changes by `delta`: whoever wrote it knows how.
    pub fn merge(&mut self, window: Window, key: &[u8], delta: &[u8]) {
        self.entry(MERGE, window, key);
        self.blob(delta);
    }

    /// There is no entry of `key` in `window` any more.
    pub fn delete(&mut self, window: Window, key: &[u8]) {
        self.entry(DELETE, window, key);
    }

    /// No entry of `window` that this shard owns is there any more.
    pub fn drop_window(&mut self, window: Window) {
        self.bytes.push(DROP_WINDOW);
        self.write_window(window);
        self.records += 1;
    }

    /// The changes of `later`, behind those of this log.
    pub fn append(&mut self, later: StateLog) {
        self.bytes.extend_from_slice(&later.bytes);
        self.window = later.window.or(self.window);
        self.records += later.records;
    }

    /// The log so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The log.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many changes there are.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn entry(&mut self, tag: u8, window: Window, key: &[u8]) {
        if self.window != Some(window) {
            self.window = Some(window);
            self.bytes.push(OF_WINDOW);
            self.write_window(window);
        }
        self.bytes.push(tag);
        self.blob(key);
        self.records += 1;
    }

    fn blob(&mut self, blob: &[u8]) {
        self.varint(blob.len() as u64);
        self.bytes.extend_from_slice(blob);
    }

    fn write_window(&mut self, window: Window) {
        self.varint(zigzag(window.start.millis()));
        self.varint(zigzag(window.end.millis()));
        self.varint(window.tag);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// One record of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateRecord<'a> {
    /// All entries of the window are gone.
    DropWindow(Window),
    /// One entry has changed.
    Entry {
        /// Its window.
        window: Window,
        /// Its key, encoded.
        key: &'a [u8],
        /// What has become of it.
        change: Change<'a>,
    },
}

/// What has become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// This is its value, whatever it was.
    Put(&'a [u8]),
    /// Its value changes by this.
    Merge(&'a [u8]),
    /// It is gone.
    Delete,
}

/// Bytes that are no log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state log is damaged at byte {at}: {what}")]
pub struct StateLogError {
    /// How far it could be read.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// The records of a log, in order. After an error there are no more.
pub struct StateRecords<'a> {
    log: &'a [u8],
    at: usize,
    window: Option<Window>,
}

impl<'a> StateRecords<'a> {
    /// Reads `log` from its start.
    pub fn new(log: &'a [u8]) -> Self {
        StateRecords { log, at: 0, window: None }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.at
    }

    fn record(&mut self) -> Result<Option<StateRecord<'a>>, StateLogError> {
        loop {
            let Some(tag) = self.log.get(self.at) else { return Ok(None) };
            self.at += 1;
            match *tag {
                OF_WINDOW => self.window = Some(self.read_window()?),
                DROP_WINDOW => return Ok(Some(StateRecord::DropWindow(self.read_window()?))),
                tag @ (PUT | MERGE | DELETE) => {
                    let window = self.window.ok_or(self.error("an entry without a window"))?;
                    let key = self.blob()?;
                    let change = match tag {
                        PUT => Change::Put(self.blob()?),
                        MERGE => Change::Merge(self.blob()?),
                        _ => Change::Delete,
                    };
                    return Ok(Some(StateRecord::Entry { window, key, change }));
                }
                _ => {
                    self.at -= 1;
                    return Err(self.error("no kind of record"));
                }
            }
        }
    }

    fn read_window(&mut self) -> Result<Window, StateLogError> {
        let start = Timestamp::from_millis(unzigzag(self.varint()?));
        let end = Timestamp::from_millis(unzigzag(self.varint()?));
        Ok(Window { start, end, tag: self.varint()? })
    }

    fn blob(&mut self) -> Result<&'a [u8], StateLogError> {
        let length = self.varint()?;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let blob = end.and_then(|end| self.log.get(self.at..end)).ok_or(self.error("it ends within an entry"))?;
        self.at += blob.len();
        Ok(blob)
    }

    fn varint(&mut self) -> Result<u64, StateLogError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.log.get(self.at).ok_or(self.error("it ends within a number"))?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error("a number that is too large"))
    }

    fn error(&self, what: &'static str) -> StateLogError {
        StateLogError { at: self.at, what }
    }
}

impl<'a> Iterator for StateRecords<'a> {
    type Item = Result<StateRecord<'a>, StateLogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.record();
        if record.is_err() {
            self.log = &[];
            self.at = 0;
        }
        record.transpose()
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Written(Window, Vec<u8>, u8, Vec<u8>);

    fn written() -> impl Strategy<Value = Written> {
        let window = (any::<i64>(), any::<i64>(), any::<u64>()).prop_map(|(start, end, tag)| Window {
            start: Timestamp::from_millis(start),
            end: Timestamp::from_millis(end),
            tag,
        });
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        (window, bytes(), 0..4_u8, bytes()).prop_map(|(w, key, kind, value)| Written(w, key, kind, value))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in proptest::collection::vec(written(), 0..20), at in 0..20_usize) {
            let (mut log, mut later) = (StateLog::default(), StateLog::default());
            for (number, Written(window, key, kind, value)) in all.iter().enumerate() {
                let log = if number < at { &mut log } else { &mut later };
                match kind {
                    0 => log.put(*window, key, value),
                    1 => log.merge(*window, key, value),
                    2 => log.delete(*window, key),
                    _ => log.drop_window(*window),
                }
            }
            log.append(later);
            prop_assert_eq!(log.records(), all.len() as u64);
            let read: Vec<_> = StateRecords::new(log.bytes()).collect::<Result<_, _>>().expect("it is a log");
            for (record, Written(window, key, kind, value)) in read.iter().zip(&all) {
                let expected = match kind {
                    0 => StateRecord::Entry { window: *window, key, change: Change::Put(value) },
                    1 => StateRecord::Entry { window: *window, key, change: Change::Merge(value) },
                    2 => StateRecord::Entry { window: *window, key, change: Change::Delete },
                    _ => StateRecord::DropWindow(*window),
                };
                prop_assert_eq!(*record, expected);
            }
            prop_assert_eq!(read.len(), all.len());
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(StateRecords::new(&bytes).count() <= bytes.len() + 1);
        }
    }
}
