//! Sources whose records are lines: cut by bytes, read by [`LineReader`], decoded line by line.

use std::marker::PhantomData;
use std::path::PathBuf;

use async_trait::async_trait;
use purlin_model::bundle::{BUNDLE_TARGET, Bundle, ElementSides};
use purlin_model::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};

use super::line_reader::LineReader;
use super::split::PIECE_BYTES_MIN;
use super::{DeadLetters, Fail, OnMalformed, RECORD_BYTES_MAX, TextSplit};
use crate::files::expand;

/// When a bundle of few long lines is enough.
const BUNDLE_BYTES: u64 = 4 << 20;

/// What the lines of a file are.
pub trait DecodeLine: Send + Sync + 'static {
    /// A decoded line.
    type Record: Element;
    /// The format in a word or two.
    const NAME: &'static str;
    /// Decodes one line, without its end. `None`: there is no record in it. An error says why it cannot be decoded.
    fn decode(line: &[u8]) -> Option<Result<Self::Record, String>>;
}

/// Reads files of lines: [`TextSource`](super::TextSource) or [`JsonLinesSource`](super::JsonLinesSource), with
/// [`or_dead_letter`](Self::or_dead_letter) or without.
pub struct LineSource<F, P = Fail> {
    path: PathBuf,
    line_bytes_max: usize,
    pub(super) piece_bytes_min: u64,
    of: PhantomData<fn() -> (F, P)>,
}

impl<F: DecodeLine> LineSource<F, Fail> {
    pub(super) fn of(path: PathBuf) -> Self {
        LineSource { path, line_bytes_max: RECORD_BYTES_MAX, piece_bytes_min: PIECE_BYTES_MIN, of: PhantomData }
    }

    /// Gives `Result<_, DeadLetter>`: lines that cannot be decoded are elements too, and do not fail the pipeline.
    ///
    /// ```
    /// use purlin_io::{DeadLetter, text::TextSource};
    /// use purlin_model::{PCollection, Pipeline};
    /// let pipeline = Pipeline::new();
    /// let lines: PCollection<Result<String, DeadLetter>> = pipeline.read("lines", TextSource::lines("logs").or_dead_letter());
    /// ```
    pub fn or_dead_letter(self) -> LineSource<F, DeadLetters> {
        let LineSource { path, line_bytes_max, piece_bytes_min, .. } = self;
        LineSource { path, line_bytes_max, piece_bytes_min, of: PhantomData }
    }
}

impl<F, P> LineSource<F, P> {
    /// A longer line is an error: it bounds the memory that one line may take. 64 MiB unless said.
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.line_bytes_max = bytes;
        self
    }
}

#[async_trait]
impl<F: DecodeLine, P: OnMalformed> Source for LineSource<F, P> {
    type Item = P::Item<F::Record>;
    type Split = TextSplit;

    fn describe(&self) -> String {
        format!("{} of {}", F::NAME, self.path.display())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<TextSplit>, BoxError> {
        Ok(TextSplit::of_lines(expand(&self.path)?, request.desired, self.piece_bytes_min))
    }

    async fn open(&self, split: TextSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(DecodingReader { lines: LineReader::open(split, self.line_bytes_max)? }))
    }
}

struct DecodingReader {
    lines: LineReader,
}

impl DecodingReader {
    fn decode<F: DecodeLine, P: OnMalformed>(
        &mut self,
        values: &mut Vec<P::Item<F::Record>>,
    ) -> Result<Progress, BoxError> {
        let full = values.len() + BUNDLE_TARGET;
        let enough = self.lines.split().offset + BUNDLE_BYTES;
        while values.len() < full && self.lines.split().offset < enough {
            let Some(line) = self.lines.next()? else { return Ok(Progress::End) };
            if let Some(decoded) = F::decode(line.bytes) {
                values.push(P::item(decoded, || line.place.to_string(), line.bytes)?);
            }
        }
        Ok(Progress::More)
    }
}

#[async_trait]
impl<F: DecodeLine, P: OnMalformed> Reader<LineSource<F, P>> for DecodingReader {
    async fn read(&mut self, into: &mut Bundle<P::Item<F::Record>>) -> Result<Progress, BoxError> {
        let before = into.len();
        let progress = self.decode::<F, P>(into.values_mut());
        into.note_appended(before, ElementSides::at(Timestamp::MIN));
        progress
    }

    fn remaining(&self) -> TextSplit {
        self.lines.split().clone()
    }
}
