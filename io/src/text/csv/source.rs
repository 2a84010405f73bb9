//! CSV as input.

use std::marker::PhantomData;
use std::path::PathBuf;

use async_trait::async_trait;
use purlin_model::source::{Boundedness, Io, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Element};

use super::reader::CsvReader;
use crate::files::expand;
use crate::text::{DeadLetters, Fail, OnMalformed, RECORD_BYTES_MAX, TextSplit};

/// Reads rows of CSV files as `T`s, with [`or_dead_letter`](Self::or_dead_letter) or without.
///
/// A quoted field may hold line ends, so where a row begins cannot be known from the middle of a file: each file is read by one worker.
pub struct CsvSource<T, P = Fail> {
    path: PathBuf,
    pub(super) dialect: Dialect,
    of: PhantomData<fn() -> (T, P)>,
}

/// How the files are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) header: bool,
    pub(super) record_bytes_max: usize,
}

impl<T: Element> CsvSource<T> {
    /// The rows of the files that `path` names. Each file begins with a header row; its names are matched with `T`'s fields, in any order,
    /// and columns without a field are left out. Fields in quotes may hold delimiters, doubled quotes and line ends. Blank lines are
    /// passed over. A row with more or fewer fields than the header is malformed.
    ///
    /// ```
    /// use purlin_io::text::CsvSource;
    /// use purlin_model::Pipeline;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Order { customer: i64, amount: Option<f64> }
    ///
    /// let orders = Pipeline::new().read("orders", CsvSource::<Order>::new("orders/*.csv").delimiter(b';'));
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let dialect = Dialect { delimiter: b',', header: true, record_bytes_max: RECORD_BYTES_MAX };
        CsvSource { path: path.into(), dialect, of: PhantomData }
    }

    /// Gives `Result<T, DeadLetter>`: rows that cannot be decoded are elements too, and do not fail the pipeline.
    ///
    /// ```
    /// use purlin_io::{DeadLetter, text::CsvSource};
    /// use purlin_model::{PCollection, Pipeline};
    /// let source = CsvSource::<(String, i64)>::new("scores.csv").or_dead_letter();
    /// let scores: PCollection<Result<(String, i64), DeadLetter>> = Pipeline::new().read("scores", source);
    /// ```
    pub fn or_dead_letter(self) -> CsvSource<T, DeadLetters> {
        CsvSource { path: self.path, dialect: self.dialect, of: PhantomData }
    }
}

impl<T, P> CsvSource<T, P> {
    /// What stands between fields; a comma unless said.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.dialect.delimiter = delimiter;
        self
    }

    /// The files have no header row: fields are matched by their order.
    pub fn without_header(mut self) -> Self {
        self.dialect.header = false;
        self
    }

    /// A longer row is an error: it bounds the memory that one row may take, such as one whose quote is never closed. 64 MiB unless said.
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.dialect.record_bytes_max = bytes;
        self
    }
}

#[async_trait]
impl<T: Element, P: OnMalformed> Source for CsvSource<T, P> {
    type Item = P::Item<T>;
    type Split = TextSplit;

    fn describe(&self) -> String {
        format!("CSV of {}", self.path.display())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, _: SplitRequest) -> Result<Vec<TextSplit>, BoxError> {
        Ok(TextSplit::of_files(expand(&self.path)?))
    }

    async fn open(&self, split: TextSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(CsvReader::open(split, self.dialect)?))
    }
}
