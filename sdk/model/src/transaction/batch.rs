//! Records on their way to a log, many in one buffer.

use std::ops::Range;

/// Records of one topic. Their bytes stand in one buffer, which is kept when the batch is cleared.
///
/// ```
/// use purlin_model::transaction::RecordBatch;
/// let mut batch = RecordBatch::default();
/// batch.push_with(|bytes| { bytes.extend(b"key"); true }, |bytes| { bytes.extend(b"value"); true }, Vec::new(), None);
/// let record = batch.iter().next().unwrap();
/// assert_eq!((record.key, record.payload), (Some(b"key".as_slice()), Some(b"value".as_slice())));
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordBatch {
    bytes: Vec<u8>,
    records: Vec<Placed>,
}

#[derive(Clone, Debug)]
struct Placed {
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
    headers: Vec<(String, Vec<u8>)>,
    timestamp_ms: Option<i64>,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Records of one key lie in one partition, in order.
    pub key: Option<&'a [u8]>,
    /// The value; without one the record is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// The headers.
    pub headers: &'a [(String, Vec<u8>)],
    /// Milliseconds since 1970; without them the time when it is sent.
    pub timestamp_ms: Option<i64>,
}

impl RecordBatch {
    /// Adds a record: `key` and `payload` append their bytes and say whether there is one.
    pub fn push_with(
        &mut self,
        key: impl FnOnce(&mut Vec<u8>) -> bool,
        payload: impl FnOnce(&mut Vec<u8>) -> bool,
        headers: Vec<(String, Vec<u8>)>,
        timestamp_ms: Option<i64>,
    ) {
        let start = self.bytes.len();
        let key = key(&mut self.bytes).then_some(start..self.bytes.len());
        let start = self.bytes.len();
        let payload = payload(&mut self.bytes).then_some(start..self.bytes.len());
        self.records.push(Placed { key, payload, headers, timestamp_ms });
    }

    /// The records, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.records.iter().map(|placed| Record {
            key: placed.key.clone().map(|range| &self.bytes[range]),
            payload: placed.payload.clone().map(|range| &self.bytes[range]),
            headers: &placed.headers,
            timestamp_ms: placed.timestamp_ms,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// About how much memory they take.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.records.len() * size_of::<Placed>()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }
}
