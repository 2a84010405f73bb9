//! The lines of a split, one after the other, in a buffer that is used again and again.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use memchr::memchr;

use super::input::open_at;
use super::split::Place;
use super::{TextError, TextSplit};

/// How much is read at a time: large enough that system calls vanish, small enough for the second-level cache.
const BUFFER_BYTES: usize = 256 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines; see [`TextSplit`] for which ones. The buffer grows up to the longest line allowed.
pub(super) struct LineReader {
    input: Box<dyn Read + Send>,
    /// What is left: moves on with every line.
    split: TextSplit,
    /// The bytes from `split.offset` on are `buffer[start..filled]`.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    line_bytes_max: usize,
}

/// A line without its end, `\n` or `\r\n`.
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) place: Place<'a>,
}

impl LineReader {
    pub(super) fn open(split: TextSplit, line_bytes_max: usize) -> Result<Self, TextError> {
        // One byte earlier, to see whether a line begins at the offset: if it is a line end, one does.
        let from = split.offset.saturating_sub(1);
        let mut reader = LineReader {
            input: open_at(&split.path, from)?,
            buffer: vec![0; BUFFER_BYTES.min(line_bytes_max.saturating_add(2))],
            start: 0,
            filled: 0,
            line_bytes_max,
            split,
        };
        if reader.split.offset > 0 {
            reader.split.offset = from;
            reader.skip_to_line_start()?;
        }
        Ok(reader)
    }

    /// What is left.
    pub(super) fn split(&self) -> &TextSplit {
        &self.split
    }

    /// The next line that this split owns.
    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, TextError> {
        let (offset, lines_before) = (self.split.offset, self.split.lines_before);
        let Some(range) = self.advance()? else { return Ok(None) };
        self.split.lines_before = lines_before.map(|before| before + 1);
        let line = lines_before.map(|before| before + 1);
        Ok(Some(Line { bytes: &self.buffer[range], place: Place { path: &self.split.path, line, offset } }))
    }

    /// Moves behind the next line and says where in the buffer it is.
    fn advance(&mut self) -> Result<Option<Range<usize>>, TextError> {
        if self.at_end() {
            return Ok(None);
        }
        let mut scanned = 0;
        let (content, consumed) = loop {
            let unread = &self.buffer[self.start..self.filled];
            if let Some(at) = memchr(b'\n', &unread[scanned..]) {
                let length = scanned + at;
                break (length - usize::from(unread[..length].ends_with(b"\r")), length + 1);
            }
            scanned = unread.len();
            if scanned > self.line_bytes_max.saturating_add(1) {
                return Err(self.too_long());
            }
            if !self.fill()? {
                break (scanned, scanned);
            }
        };
        if consumed == 0 {
            return match self.split.end {
                Some(offset) => Err(TextError::Truncated { path: self.split.path.clone(), offset }),
                None => Ok(None),
            };
        }
        if content > self.line_bytes_max {
            return Err(self.too_long());
        }
        let mut line = self.start..self.start + content;
        if self.split.offset == 0 && self.buffer[line.clone()].starts_with(BYTE_ORDER_MARK) {
            line.start += BYTE_ORDER_MARK.len();
        }
        self.consume(consumed);
        Ok(Some(line))
    }

    /// Finds the first line start, without keeping what is before it; not beyond the range's end, where all is another's.
    fn skip_to_line_start(&mut self) -> Result<(), TextError> {
        while !self.at_end() {
            let unread = &self.buffer[self.start..self.filled];
            let (length, found) = match memchr(b'\n', unread) {
                Some(at) => (at + 1, true),
                None => (unread.len(), false),
            };
            self.consume(length);
            if found || !self.fill()? {
                break;
            }
        }
        Ok(())
    }

    fn at_end(&self) -> bool {
        self.split.end.is_some_and(|end| self.split.offset >= end)
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.split.offset += bytes as u64;
    }

    /// Reads more behind what is unread; false at the file's end.
    fn fill(&mut self) -> Result<bool, TextError> {
        if self.filled == self.buffer.len() {
            self.buffer.copy_within(self.start.., 0);
            self.filled -= self.start;
            self.start = 0;
            if self.filled > self.buffer.len() / 2 {
                // A line of the greatest length allowed, and its end.
                let limit = self.line_bytes_max.saturating_add(2);
                let wanted = (self.buffer.len() * 2).min(limit).max(self.filled + 1);
                self.buffer.resize(wanted, 0);
            }
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Ok(false),
                Ok(bytes) => {
                    self.filled += bytes;
                    return Ok(true);
                }
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(TextError::read(&self.split.path)(cause)),
            }
        }
    }

    fn too_long(&self) -> TextError {
        TextError::TooLong { at: self.split.place().to_string(), bytes_max: self.line_bytes_max }
    }
}
