//! One worker's files: rows gathered into batches, batches encoded as they come.

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::row::{Row, RowError};
use purlin_model::sink::Writer;
use purlin_model::{BoxError, Element};

use super::{ParquetError, ParquetSink};
use crate::files::{PartFile, Parts, StagedFiles};

/// Rows encoded at a time: enough that the cost per batch and column vanishes.
const BATCH_ROWS: usize = 8192;

pub(super) struct PartWriter<T> {
    parts: Parts,
    properties: WriterProperties,
    /// Fewer rows than make a batch.
    waiting: Vec<T>,
    file: Option<ArrowWriter<PartFile>>,
}

impl<T: Row> PartWriter<T> {
    pub(super) fn new(parts: Parts, properties: WriterProperties) -> Self {
        PartWriter { parts, properties, waiting: Vec::new(), file: None }
    }

    /// A file without rows, for an output that has none: it says what the columns are.
    pub(super) fn stage_empty(mut self) -> Result<Option<StagedFiles>, ParquetError> {
        self.file()?;
        self.finish()
    }

    /// The file being written, a new one if there is none.
    fn file(&mut self) -> Result<&mut ArrowWriter<PartFile>, ParquetError> {
        if self.file.is_none() {
            let part = self.parts.create()?;
            let path = part.path().to_owned();
            let writer = ArrowWriter::try_new(part, T::schema(), Some(self.properties.clone()));
            self.file = Some(writer.map_err(|cause| ParquetError::write(&path, cause))?);
        }
        Ok(self.file.as_mut().expect("made above"))
    }

    fn encode(&mut self, rows: &[T]) -> Result<(), ParquetError> {
        let file = self.file()?;
        let path = file.inner().path().to_owned();
        match T::write_batch(rows) {
            Ok(batch) => file.write(&batch).map_err(|cause| ParquetError::write(&path, cause)),
            // More text than one array holds: smaller arrays.
            Err(RowError::TooLarge { .. }) if rows.len() > 1 => {
                let (first, second) = rows.split_at(rows.len() / 2);
                self.encode(first)?;
                self.encode(second)
            }
            Err(cause) => Err(ParquetError::Encode { file: path, cause }),
        }
    }

    fn encode_waiting(&mut self) -> Result<(), ParquetError> {
        let mut rows = std::mem::take(&mut self.waiting);
        let encoded = self.encode(&rows);
        rows.clear();
        self.waiting = rows;
        encoded
    }

    /// Ends the file, if there is one.
    fn finish(&mut self) -> Result<Option<StagedFiles>, ParquetError> {
        if let Some(file) = self.file.take() {
            let path = file.inner().path().to_owned();
            let part = file.into_inner().map_err(|cause| ParquetError::write(&path, cause))?;
            self.parts.finish(part)?;
        }
        Ok(self.parts.stage()?)
    }
}

#[async_trait]
impl<T: Row + Element> Writer<ParquetSink<T>> for PartWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        if self.waiting.is_empty() && bundle.len() >= BATCH_ROWS {
            self.encode(bundle.values())?;
        } else {
            self.waiting.append(bundle.values_mut());
            if self.waiting.len() >= BATCH_ROWS {
                self.encode_waiting()?;
            }
        }
        bundle.clear();
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<StagedFiles>, BoxError> {
        if !self.waiting.is_empty() {
            self.encode_waiting()?;
        }
        Ok(self.finish()?)
    }
}
