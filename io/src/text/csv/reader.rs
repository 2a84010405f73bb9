//! Reads the rows of one CSV file.
//!
//! The position of a file with a header row is 0 before the header and behind a row afterwards; a reader that begins behind the
//! header reads it first, from the file's start.

use async_trait::async_trait;
use csv::{ByteRecord, ErrorKind};
use purlin_model::bundle::{BUNDLE_TARGET, Bundle, ElementSides};
use purlin_model::source::{Progress, Reader};
use purlin_model::{BoxError, Element, Timestamp};

use super::record_window::{RecordWindow, TooLong};
use super::source::{CsvSource, Dialect};
use crate::text::input::open_at;
use crate::text::split::Place;
use crate::text::{OnMalformed, TextError, TextSplit};

const BUFFER_BYTES: usize = 256 << 10;

/// When a bundle of few long rows is enough.
const BUNDLE_BYTES: u64 = 4 << 20;

pub(super) struct CsvReader {
    rows: Rows,
    header: Option<ByteRecord>,
}

impl CsvReader {
    pub(super) fn open(split: TextSplit, dialect: Dialect) -> Result<Self, TextError> {
        let begins = split.offset == 0;
        let path = split.path.clone();
        let mut rows = Rows::open(split, dialect)?;
        let header = match (dialect.header, begins) {
            (false, _) => None,
            (true, true) => rows.next()?.then(|| rows.row.clone()),
            (true, false) => {
                let mut first = Rows::open(TextSplit::whole(path), dialect)?;
                first.next()?.then_some(first.row)
            }
        };
        Ok(CsvReader { rows, header })
    }

    fn decode<T: Element, P: OnMalformed>(&mut self, values: &mut Vec<P::Item<T>>) -> Result<Progress, BoxError> {
        let full = values.len() + BUNDLE_TARGET;
        let enough = self.rows.left.offset + BUNDLE_BYTES;
        while values.len() < full && self.rows.left.offset < enough {
            if !self.rows.next()? {
                return Ok(Progress::End);
            }
            values.push(match decode_row(&self.rows.row, self.header.as_ref()) {
                Ok(row) => P::item(Ok(row), String::new, &[])?,
                Err(reason) => {
                    let (place, payload) = self.rows.current();
                    P::item(Err(reason), || place.to_string(), payload)?
                }
            });
        }
        Ok(Progress::More)
    }
}

#[async_trait]
impl<T: Element, P: OnMalformed> Reader<CsvSource<T, P>> for CsvReader {
    async fn read(&mut self, into: &mut Bundle<P::Item<T>>) -> Result<Progress, BoxError> {
        let before = into.len();
        let progress = self.decode::<T, P>(into.values_mut());
        into.note_appended(before, ElementSides::at(Timestamp::MIN));
        progress
    }

    fn remaining(&self) -> TextSplit {
        self.rows.left.clone()
    }
}

/// A row as `T`, or why not.
fn decode_row<T: Element>(row: &ByteRecord, header: Option<&ByteRecord>) -> Result<T, String> {
    if let Some(header) = header
        && header.len() != row.len()
    {
        return Err(format!("the row has {} fields, but the header has {}", row.len(), header.len()));
    }
    row.deserialize(header).map_err(|error| match error.into_kind() {
        ErrorKind::Deserialize { err, .. } => {
            let index = err.field().and_then(|index| usize::try_from(index).ok());
            let name = index.and_then(|index| header?.get(index));
            match (name, index) {
                (Some(name), _) => format!("column `{}`: {}", name.escape_ascii(), err.kind()),
                (None, Some(index)) => format!("field {}: {}", index + 1, err.kind()),
                (None, None) => err.to_string(),
            }
        }
        other => format!("{other:?}"),
    })
}

/// Rows as the parser cuts them, with their positions.
struct Rows {
    parser: csv::Reader<RecordWindow>,
    row: ByteRecord,
    /// Where the row at hand was looked for: behind the one before it.
    from: TextSplit,
    /// What is left behind it.
    left: TextSplit,
    /// Where the parser began; it counts from there.
    begun: TextSplit,
    record_bytes_max: usize,
}

impl Rows {
    fn open(split: TextSplit, dialect: Dialect) -> Result<Self, TextError> {
        let input = RecordWindow::new(open_at(&split.path, split.offset)?, dialect.record_bytes_max);
        let parser = csv::ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES.min(dialect.record_bytes_max.max(1)))
            .from_reader(input);
        let record_bytes_max = dialect.record_bytes_max;
        Ok(Rows {
            parser,
            row: ByteRecord::new(),
            from: split.clone(),
            left: split.clone(),
            begun: split,
            record_bytes_max,
        })
    }

    /// Reads the next row; false at the file's end.
    fn next(&mut self) -> Result<bool, TextError> {
        (self.from.offset, self.from.lines_before) = (self.left.offset, self.left.lines_before);
        let begins = self.parser.position().byte();
        self.parser.get_mut().begin_record(begins);
        let found = self.parser.read_byte_record(&mut self.row).map_err(|error| self.failed(error))?;
        let position = self.parser.position();
        self.left.offset = self.begun.offset + position.byte();
        self.left.lines_before = self.begun.lines_before.map(|before| before + position.line() - 1);
        Ok(found)
    }

    /// Where the row at hand is, and its bytes. The parser passes over line ends before a row, so they are taken off here.
    fn current(&self) -> (Place<'_>, &[u8]) {
        let position = |split: &TextSplit| split.offset - self.begun.offset;
        let bytes = self.parser.get_ref().bytes(position(&self.from)..position(&self.left));
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let lines = bytes[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut place = self.from.place();
        place.offset += blank as u64;
        place.line = place.line.map(|line| line + lines);
        (place, bytes[blank..].trim_ascii_end())
    }

    fn failed(&self, error: csv::Error) -> TextError {
        match error.into_kind() {
            ErrorKind::Io(cause) if cause.get_ref().is_some_and(|inner| inner.is::<TooLong>()) => {
                TextError::TooLong { at: self.from.place().to_string(), bytes_max: self.record_bytes_max }
            }
            ErrorKind::Io(cause) => TextError::read(&self.from.path)(cause),
            other => TextError::Malformed { at: self.from.place().to_string(), reason: format!("{other:?}") },
        }
    }
}

/// The positions behind each row of a file.
#[cfg(test)]
pub(in crate::text) fn positions<T, P>(path: std::path::PathBuf, source: &CsvSource<T, P>) -> Vec<TextSplit> {
    let mut reader = CsvReader::open(TextSplit::whole(path), source.dialect).unwrap();
    let mut positions = Vec::new();
    while reader.rows.next().unwrap() {
        positions.push(reader.rows.left.clone());
    }
    positions
}
