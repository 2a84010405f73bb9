//! Plain lines: each is a `String`.

use std::path::PathBuf;

use purlin_model::BoxError;

use super::{Append, DecodeLine, Encode, Fail, FileSink, LineSource};

/// The format of plain lines in UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Lines(());

/// Reads the lines of text files.
pub type TextSource<P = Fail> = LineSource<Lines, P>;

/// Writes a line per element.
pub type TextSink = FileSink<Lines>;

impl LineSource<Lines> {
    /// The lines of the files that `path` names, without their ends (`\n` or `\r\n`). Empty lines are elements too. A byte order mark
    /// at the beginning of a file is taken off. Bytes that are not UTF-8 make a line malformed.
    ///
    /// ```
    /// use purlin_io::text::TextSource;
    /// use purlin_model::Pipeline;
    /// let pipeline = Pipeline::new();
    /// let lines = pipeline.read("lines", TextSource::lines("logs/*.txt"));
    /// let errors = lines.filter("errors", |line| line.contains("ERROR"));
    /// # let _ = errors;
    /// ```
    pub fn lines(path: impl Into<PathBuf>) -> Self {
        LineSource::of(path.into())
    }
}

impl FileSink<Lines> {
    /// A line per element into files in the new folder `path`. An element that contains a line end becomes several lines.
    ///
    /// ```
    /// use purlin_io::text::{Compression, TextSink};
    /// use purlin_model::Pipeline;
    /// let pipeline = Pipeline::new();
    /// let words = pipeline.create("words", ["to", "be"].map(String::from));
    /// words.write("out", TextSink::lines("words/").compression(Compression::Zstd));
    /// ```
    pub fn lines(path: impl Into<PathBuf>) -> Self {
        FileSink::of(path.into(), Lines(()))
    }
}

impl DecodeLine for Lines {
    type Record = String;
    const NAME: &'static str = "text lines";

    #[inline]
    fn decode(line: &[u8]) -> Option<Result<String, String>> {
        Some(str::from_utf8(line).map(str::to_owned).map_err(|error| error.to_string()))
    }
}

impl Encode for Lines {
    type Record = String;
    const NAME: &'static str = "text lines";
    const EXTENSION: &'static str = "txt";

    fn encode(&self, lines: &[String], _begins_file: bool, into: &mut Vec<u8>) -> Result<(), BoxError> {
        for line in lines {
            into.extend_from_slice(line.as_bytes());
            into.push(b'\n');
        }
        Ok(())
    }
}

impl Append for Lines {}
