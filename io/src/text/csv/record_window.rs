//! The bytes of the record at hand, kept beside a parser that does not.

use std::io::{self, Read};
use std::ops::Range;

/// What a parser reads through. It keeps the bytes from [`begin_record`](Self::begin_record)'s position on, so that a malformed record can be
/// shown as it came, and refuses to read on when a record has become too long.
pub(super) struct RecordWindow {
    input: Box<dyn Read + Send>,
    kept: Vec<u8>,
    /// The position of `kept[0]`, counted from where `input` began.
    kept_from: u64,
    record_from: u64,
    record_bytes_max: usize,
}

/// The error inside `io::Error` when a record is too long.
#[derive(Debug, thiserror::Error)]
#[error("the record is too long")]
pub(super) struct TooLong;

impl RecordWindow {
    pub(super) fn new(input: Box<dyn Read + Send>, record_bytes_max: usize) -> Self {
        RecordWindow { input, kept: Vec::new(), kept_from: 0, record_from: 0, record_bytes_max }
    }

    /// The record at hand begins at `position`.
    pub(super) fn begin_record(&mut self, position: u64) {
        self.record_from = position;
    }

    /// The bytes at these positions, which lie in the record at hand.
    pub(super) fn bytes(&self, positions: Range<u64>) -> &[u8] {
        let index = |position: u64| (position - self.kept_from) as usize;
        &self.kept[index(positions.start)..index(positions.end)]
    }
}

impl Read for RecordWindow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.kept.drain(..(self.record_from - self.kept_from) as usize);
        self.kept_from = self.record_from;
        // The parser asks for more only when it has used all it had: what is kept is the unfinished record.
        if self.kept.len() > self.record_bytes_max {
            return Err(io::Error::other(TooLong));
        }
        let bytes = self.input.read(buffer)?;
        self.kept.extend_from_slice(&buffer[..bytes]);
        Ok(bytes)
    }
}
