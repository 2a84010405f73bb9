//! Row groups of Parquet files, for yardsticks: each core takes the next one as long as there is one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, ArrowPrimitiveType, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use purlin::BoxError;

use crate::inputs::files;

/// Enough that what a batch costs vanishes, few enough to stay in the cache.
pub(crate) const BATCH_ROWS: usize = 8192;

/// Some columns of all files in a folder.
pub(crate) struct RowGroups<'a> {
    columns: &'a [&'a str],
    groups: Vec<(PathBuf, ArrowReaderMetadata, usize)>,
    /// Of all row groups together.
    pub(crate) rows: usize,
}

impl<'a> RowGroups<'a> {
    /// Reads the footers. The options may ask for other types than a file's own.
    pub(crate) fn open(
        folder: &Path,
        columns: &'a [&'a str],
        options: &ArrowReaderOptions,
    ) -> Result<RowGroups<'a>, BoxError> {
        let mut all = RowGroups { columns, groups: Vec::new(), rows: 0 };
        for path in files(folder)? {
            let footer = ArrowReaderMetadata::load(&File::open(&path)?, options.clone())?;
            all.rows += footer.metadata().file_metadata().num_rows() as usize;
            all.groups.extend((0..footer.metadata().num_row_groups()).map(|n| (path.clone(), footer.clone(), n)));
        }
        Ok(all)
    }

    /// Each core's share of the batches, folded into one value.
    pub(crate) fn fold<S: Send>(
        &self,
        begin: impl Fn() -> S + Sync,
        take: impl Fn(&mut S, &RecordBatch) -> Result<(), BoxError> + Sync,
    ) -> Result<Vec<S>, BoxError> {
        let next = AtomicUsize::new(0);
        let shares = rayon::broadcast(|_| -> Result<S, BoxError> {
            let mut share = begin();
            while let Some((path, footer, number)) = self.groups.get(next.fetch_add(1, Relaxed)) {
                let wanted = ProjectionMask::columns(footer.parquet_schema(), self.columns.iter().copied());
                let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(File::open(path)?, footer.clone())
                    .with_projection(wanted)
                    .with_row_groups(vec![*number])
                    .with_batch_size(BATCH_ROWS)
                    .build()?;
                for batch in batches {
                    take(&mut share, &batch?)?;
                }
            }
            Ok(share)
        });
        shares.into_iter().collect()
    }
}

/// A column by its name.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, BoxError> {
    batch.column_by_name(name).ok_or_else(|| format!("column {name} is missing").into())
}

/// The numbers of a column without nulls.
pub(crate) fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], BoxError> {
    let array = column(batch, name)?.as_primitive_opt::<T>();
    Ok(array.ok_or_else(|| format!("column {name} has another type"))?.values())
}
