//! JSON lines: a JSON value per line.

use std::marker::PhantomData;
use std::path::PathBuf;

use purlin_model::{BoxError, Element};

use super::{Append, DecodeLine, Encode, Fail, FileSink, LineSource};

/// The format of JSON lines that hold `T`s.
#[derive(Clone, Copy, Debug)]
pub struct JsonLines<T>(PhantomData<fn() -> T>);

/// Reads the values in JSON lines.
pub type JsonLinesSource<T, P = Fail> = LineSource<JsonLines<T>, P>;

/// Writes a JSON value per line.
pub type JsonLinesSink<T> = FileSink<JsonLines<T>>;

impl<T: Element> LineSource<JsonLines<T>> {
    /// The values in the files that `path` names, one per line. Blank lines are passed over.
    ///
    /// ```
    /// use purlin_io::text::JsonLinesSource;
    /// use purlin_model::{Pipeline, source::BoxSource, Timestamp};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Click { url: String, at: Timestamp }
    ///
    /// let clicks = JsonLinesSource::<Click>::new("clicks/*.jsonl.gz");
    /// Pipeline::new().read("clicks", BoxSource::new(clicks).event_time(|click| click.at));
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        LineSource::of(path.into())
    }
}

impl<T: Element> FileSink<JsonLines<T>> {
    /// A line of JSON per element into files in the new folder `path`.
    ///
    /// ```
    /// use purlin_io::text::JsonLinesSink;
    /// use purlin_model::Pipeline;
    /// let pairs = Pipeline::new().create("pairs", [("a".to_string(), 1), ("b".to_string(), 2)]);
    /// pairs.write("out", JsonLinesSink::new("pairs.jsonl").overwrite());
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        FileSink::of(path.into(), JsonLines(PhantomData))
    }
}

impl<T: Element> DecodeLine for JsonLines<T> {
    type Record = T;
    const NAME: &'static str = "JSON lines";

    fn decode(line: &[u8]) -> Option<Result<T, String>> {
        if line.trim_ascii().is_empty() {
            return None;
        }
        Some(serde_json::from_slice(line).map_err(reason))
    }
}

/// The parser's words without its line number: it has seen one line.
fn reason(error: serde_json::Error) -> String {
    let text = error.to_string();
    match text.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())) {
        Some(reason) => format!("{reason} (column {})", error.column()),
        None => text,
    }
}

impl<T: Element> Encode for JsonLines<T> {
    type Record = T;
    const NAME: &'static str = "JSON lines";
    const EXTENSION: &'static str = "jsonl";

    fn encode(&self, values: &[T], _begins_file: bool, into: &mut Vec<u8>) -> Result<(), BoxError> {
        for value in values {
            serde_json::to_writer(&mut *into, value)?;
            into.push(b'\n');
        }
        Ok(())
    }
}

impl<T: Element> Append for JsonLines<T> {}
