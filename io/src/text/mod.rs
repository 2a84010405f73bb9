//! Text files: lines, CSV and JSON lines, plain or compressed by gzip or zstd.
//!
//! | | read | write |
//! |---|---|---|
//! | lines | [`TextSource::lines`] | [`TextSink::lines`] |
//! | JSON lines | [`JsonLinesSource::new`] | [`JsonLinesSink::new`] |
//! | CSV | [`CsvSource::new`] | [`CsvSink::new`] |
//!
//! ```
//! use purlin_io::text::{CsvSink, TextSource};
//! use purlin_model::{Pipeline, combine::Count};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Total { word: String, count: u64 }
//!
//! let pipeline = Pipeline::new();
//! pipeline
//!     .read("lines", TextSource::lines("books/*.txt"))
//!     .flat_map("words", |line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
//!     .key_by("word", |word| word.clone())
//!     .combine_per_key("count", Count)
//!     .map("total", |(word, count)| Total { word, count })
//!     .write("totals", CsvSink::new("totals.csv"));
//! # pipeline.graph().unwrap();
//! ```
//!
//! **Input** is a file, a folder (all files in it, also in subfolders) or a pattern with `*`, `?`, `[..]` and `**`. Names that begin with
//! `.` or `_` are passed over in folders and by patterns. A path that names nothing is an error at launch. Files that end in `.gz` or `.zst` are
//! decompressed. Plain files of lines are read in pieces, by several workers at once; compressed ones and CSV (where a quoted
//! field may hold a line end) by one worker each. Timestamps come from the elements, if at all: see `BoxSource::event_time`.
//!
//! **Records that cannot be decoded** fail the pipeline with file and line, unless the source is told to
//! give [`DeadLetter`](crate::DeadLetter)s for them: then its elements are `Result`s.
//!
//! **Output** is a folder, whatever its name: each worker writes files of its own, `part-WORKER-SEQUENCE.csv`. The folder appears
//! when the pipeline has succeeded, all at once, and must not exist before unless the sink says `.overwrite()`. A worker without elements
//! writes no file, so the output of no elements is an empty folder (which as an input is an empty collection). Lines and JSON
//! lines become one file with `.single_file()`. Of a job with checkpoints the folder grows: each checkpoint adds complete files,
//! `part-INCARNATION-SEQUENCE-HASH.csv`, with what was written since the one before.

mod compression;
mod csv;
mod error;
mod file_sink;
mod input;
mod json_lines;
mod line_reader;
mod line_source;
mod lines;
mod malformed;
mod split;

pub use crate::files::{FileError, StagedFiles};
pub use compression::Compression;
pub use csv::{Csv, CsvSink, CsvSource};
pub use error::TextError;
pub use file_sink::{Append, Encode, FileSink};
pub use json_lines::{JsonLines, JsonLinesSink, JsonLinesSource};
pub use line_source::{DecodeLine, LineSource};
pub use lines::{Lines, TextSink, TextSource};
pub use malformed::{DeadLetters, Fail, OnMalformed};
pub use split::TextSplit;

/// How long a record may be unless the source says otherwise: far above any sane one, far below memory.
const RECORD_BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests;
