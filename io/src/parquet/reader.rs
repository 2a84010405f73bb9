//! Reads one split: decode a batch, drop the rows that do not match, make structs of the rest.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::filter_record_batch;
use async_trait::async_trait;
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::row::{Row, RowError};
use purlin_model::source::{Progress, Reader};
use purlin_model::{BoxError, Element, Timestamp};

use super::file::{InputMeta, guarded};
use super::{ParquetError, ParquetSource, ParquetSplit};

pub(super) struct SplitReader {
    input: Arc<InputMeta>,
    batches: ParquetRecordBatchReader,
    /// How many rows come before those that are left.
    before: u64,
    left: ParquetSplit,
}

impl SplitReader {
    pub(super) fn new(input: Arc<InputMeta>, split: ParquetSplit) -> Result<Self, ParquetError> {
        let (batches, before) = input.decode(&split)?;
        Ok(SplitReader { input, batches, before, left: split })
    }

    /// The next rows as they are stored.
    fn decode(&mut self) -> Result<RecordBatch, ParquetError> {
        let path = self.input.path();
        while let Some(batch) = guarded(path, || self.batches.next().transpose())? {
            let rows = batch.num_rows();
            let passed = usize::try_from(self.before).unwrap_or(rows).min(rows);
            self.before -= passed as u64;
            if passed == rows {
                continue;
            }
            if (rows - passed) as u64 > self.left.end - self.left.next {
                break;
            }
            return Ok(batch.slice(passed, rows - passed));
        }
        let problem = format!("row group {} has not the {} rows that it claims", self.left.row_group, self.left.rows);
        Err(ParquetError::damaged(path, problem))
    }

    /// Appends the rows of the next batch that match.
    fn append<T: Row>(&mut self, into: &mut Vec<T>) -> Result<(), ParquetError> {
        let mut batch = self.decode()?;
        let stored = batch.num_rows();
        let mut matching = None;
        if let Some(filter) = &self.input.filter {
            let mask = guarded(self.input.path(), || filter.mask(&batch))?;
            if let Some(of_row) = &self.input.of_row {
                batch = guarded(self.input.path(), || batch.project(of_row))?;
            }
            if mask.count_set_bits() < stored {
                batch =
                    guarded(self.input.path(), || filter_record_batch(&batch, &BooleanArray::new(mask.clone(), None)))?;
                matching = Some(mask);
            }
        }
        if batch.num_rows() > 0 {
            T::read_batch(&batch, into).map_err(|cause| self.row_error(cause, matching.as_ref()))?;
        }
        self.left.next += stored as u64;
        Ok(())
    }

    /// The error with the row's number in the file, where it is about a row.
    fn row_error(&self, cause: RowError, matching: Option<&BooleanBuffer>) -> ParquetError {
        let file = self.input.path().to_owned();
        let (RowError::Null { row, .. } | RowError::Value { row, .. }) = &cause else {
            return ParquetError::Schema { file, cause };
        };
        let stored = matching.map_or(Some(*row), |mask| mask.set_indices().nth(*row)).unwrap_or_default();
        let row = self.input.first_row(self.left.row_group) + self.left.next + stored as u64;
        ParquetError::Row { file, row, cause }
    }
}

#[async_trait]
impl<T: Row + Element> Reader<ParquetSource<T>> for SplitReader {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let before = into.len();
        while into.len() == before && self.left.next < self.left.end {
            self.append(into.values_mut())?;
        }
        into.note_appended(before, ElementSides::at(Timestamp::MIN));
        Ok(if self.left.next < self.left.end { Progress::More } else { Progress::End })
    }

    fn remaining(&self) -> ParquetSplit {
        self.left.clone()
    }

    fn lag(&self) -> Option<u64> {
        Some(self.left.end - self.left.next)
    }
}
