//! CSV as output.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use purlin_model::{BoxError, Element};

use crate::text::{Encode, FileSink};

/// The format of CSV with rows of `T`.
#[derive(Clone, Copy, Debug)]
pub struct Csv<T> {
    delimiter: u8,
    header: bool,
    of: PhantomData<fn() -> T>,
}

/// Writes CSV files.
pub type CsvSink<T> = FileSink<Csv<T>>;

impl<T: Element> FileSink<Csv<T>> {
    /// A row per element into files in the new folder `path`. Each file begins with a header row of the field names (tuples have
    /// none and get no header). Fields must be plain values: nested structs are an error.
    ///
    /// ```
    /// use purlin_io::text::CsvSink;
    /// use purlin_model::Pipeline;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct Total { customer: i64, amount: f64 }
    ///
    /// let totals = Pipeline::new().create("totals", [Total { customer: 7, amount: 9.5 }]);
    /// totals.write("out", CsvSink::new("totals.csv").delimiter(b';'));
    /// ```
    pub fn new(path: impl Into<PathBuf>) -> Self {
        FileSink::of(path.into(), Csv { delimiter: b',', header: true, of: PhantomData })
    }

    /// What stands between fields; a comma unless said.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format = Arc::new(Csv { delimiter, ..*self.format });
        self
    }

    /// Writes no header rows.
    pub fn without_header(mut self) -> Self {
        self.format = Arc::new(Csv { header: false, ..*self.format });
        self
    }
}

impl<T: Element> Encode for Csv<T> {
    type Record = T;
    const NAME: &'static str = "CSV";
    const EXTENSION: &'static str = "csv";

    fn encode(&self, rows: &[T], begins_file: bool, into: &mut Vec<u8>) -> Result<(), BoxError> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(self.header && begins_file)
            .from_writer(into);
        for row in rows {
            writer.serialize(row)?;
        }
        Ok(writer.flush()?)
    }
}
