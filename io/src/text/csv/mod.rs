//! CSV: rows by serde, with a header row or without.

mod reader;
mod record_window;
mod sink;
mod source;

pub use sink::{Csv, CsvSink};
pub use source::CsvSource;

#[cfg(test)]
pub(super) use reader::positions;
