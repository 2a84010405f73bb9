//! One file as the launch sees it: its footer, parsed and checked once and shared by the splits.

use std::any::Any;
use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use ::parquet::basic::Encoding;
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use purlin_model::row::Row;

use super::predicate::{Bound, Predicate};
use super::{ParquetError, ParquetSplit, dictionary, footer};
use crate::files::FileError;

/// Rows decoded at a time: enough that the cost per batch vanishes, few enough to stay in the processor's cache.
const BATCH_ROWS: usize = 8192;

/// A file whose columns fit the row type.
pub(super) struct InputMeta {
    path: PathBuf,
    bytes: u64,
    footer: ArrowReaderMetadata,
    pub(super) filter: Option<Bound>,
    /// The columns that are decoded: those of the row type and those that the filter compares.
    projection: ProjectionMask,
    /// Where the row type's columns stand among the decoded ones, if the filter compares others too.
    pub(super) of_row: Option<Vec<usize>>,
}

impl InputMeta {
    /// Reads the footer of the file at `path` and checks that rows of type `T` can be read from it.
    pub(super) fn load<T: Row>(path: &Path, filter: Option<&Predicate>) -> Result<InputMeta, ParquetError> {
        let (file, bytes) = open(path)?;
        footer::check(path, &file, bytes)?;
        let stored = guarded(path, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?;
        let columns = stored.schema().clone();
        T::check_schema(&columns).map_err(|cause| ParquetError::Schema { file: path.to_owned(), cause })?;
        let footer = match dictionary::keep(&stored).filter(|kept| T::check_schema(kept).is_ok()) {
            Some(kept) => {
                let options = ArrowReaderOptions::new().with_schema(kept);
                guarded(path, || ArrowReaderMetadata::try_new(stored.metadata().clone(), options))?
            }
            None => stored,
        };

        let wanted = T::schema();
        let is_wanted = |root: &usize| wanted.column_with_name(columns.field(*root).name()).is_some();
        let of_row: BTreeSet<usize> = (0..columns.fields().len()).filter(is_wanted).collect();

        let filter = filter
            .map(|predicate| Bound::bind(predicate, &columns, footer.parquet_schema()))
            .transpose()
            .map_err(|problem| ParquetError::Filter { file: path.to_owned(), problem })?;
        let mut decoded = of_row.clone();
        if let Some(filter) = &filter {
            filter.roots(&mut decoded);
        }
        let projection = ProjectionMask::roots(footer.parquet_schema(), decoded.iter().copied());
        let of_row = (decoded.len() > of_row.len())
            .then(|| decoded.iter().enumerate().filter(|(_, root)| of_row.contains(root)).map(|(i, _)| i).collect());
        let input = InputMeta { path: path.to_owned(), bytes, footer, filter, projection, of_row };
        input.check_groups()?;
        input.check_codecs()?;
        Ok(input)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The row groups, in file order.
    pub(super) fn groups(&self) -> &[RowGroupMetaData] {
        self.footer.metadata().row_groups()
    }

    /// How many rows a row group has.
    pub(super) fn rows(group: &RowGroupMetaData) -> u64 {
        u64::try_from(group.num_rows()).unwrap_or_default()
    }

    /// The number in the file of the first row of a group.
    pub(super) fn first_row(&self, group: usize) -> u64 {
        self.groups()[..group].iter().map(InputMeta::rows).sum()
    }

    /// Whether the decoder can begin in the middle of a row group.
    ///
    /// It cannot skip into a page of packed differences whose blocks are larger than usual, as DuckDB writes them
    /// (<https://github.com/apache/arrow-rs/pull/9794>). The footer does not tell the size of blocks, so of such
    /// pages only known writers are trusted.
    pub(super) fn can_skip(&self, group: usize) -> bool {
        const SMALL_BLOCKS: [&str; 4] = ["parquet-rs", "parquet-mr", "parquet-cpp-arrow", "Polars"];
        let writer = self.footer.metadata().file_metadata().created_by().unwrap_or_default();
        let packed =
            |chunk: &ColumnChunkMetaData| chunk.encodings().any(|found| found == Encoding::DELTA_BINARY_PACKED);
        SMALL_BLOCKS.iter().any(|known| writer.starts_with(known)) || !self.decoded(&self.groups()[group]).any(packed)
    }

    /// Begins to decode the rows that `split` has left, or from the row group's beginning if that is all the decoder
    /// can do: also says how many rows of what comes lie before the split.
    pub(super) fn decode(&self, split: &ParquetSplit) -> Result<(ParquetRecordBatchReader, u64), ParquetError> {
        let (file, bytes) = open(&self.path)?;
        if bytes != self.bytes {
            let problem = format!("it had {} bytes and now has {bytes}", self.bytes);
            return Err(ParquetError::Changed { file: self.path.clone(), problem });
        }
        self.check_split(split)?;
        let before = if self.can_skip(split.row_group) { 0 } else { split.next };
        let first = split.next - before;
        let batches = guarded(&self.path, || {
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone())
                .with_row_groups(vec![split.row_group])
                .with_projection(self.projection.clone())
                .with_batch_size(BATCH_ROWS);
            if (first, split.end) != (0, split.rows) {
                let rows = |rows| usize::try_from(rows).unwrap_or(usize::MAX);
                let (skipped, read) = (rows(first), rows(split.end - first));
                let range = RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(read)]);
                builder = builder.with_row_selection(range);
            }
            builder.build()
        })?;
        Ok((batches, before))
    }

    /// The column chunks that are decoded.
    fn decoded<'a>(&'a self, group: &'a RowGroupMetaData) -> impl Iterator<Item = &'a ColumnChunkMetaData> {
        let chunks = group.columns().iter().enumerate();
        chunks.filter(|(place, _)| self.projection.leaf_included(*place)).map(|(_, chunk)| chunk)
    }

    /// No counts that further arithmetic would have to distrust.
    fn check_groups(&self) -> Result<(), ParquetError> {
        let mut rows = 0i64;
        for (number, group) in self.groups().iter().enumerate() {
            let so_far = (group.num_rows() >= 0).then(|| rows.checked_add(group.num_rows())).flatten();
            rows = so_far.ok_or_else(|| {
                let problem = format!("row group {number} claims to have {} rows", group.num_rows());
                ParquetError::damaged(&self.path, problem)
            })?;
        }
        Ok(())
    }

    /// Only of columns that are decoded.
    fn check_codecs(&self) -> Result<(), ParquetError> {
        use ::parquet::basic::Compression::{LZ4, LZ4_RAW, SNAPPY, UNCOMPRESSED, ZSTD};
        let unknown = |chunk: &&ColumnChunkMetaData| {
            !matches!(chunk.compression(), UNCOMPRESSED | SNAPPY | ZSTD(_) | LZ4 | LZ4_RAW)
        };
        match self.groups().iter().flat_map(|group| self.decoded(group)).find(unknown) {
            Some(chunk) => Err(ParquetError::Codec { file: self.path.clone(), codec: chunk.compression().to_string() }),
            None => Ok(()),
        }
    }

    fn check_split(&self, split: &ParquetSplit) -> Result<(), ParquetError> {
        let found = self.groups().get(split.row_group).map(InputMeta::rows);
        if found == Some(split.rows) && split.next <= split.end && split.end <= split.rows {
            return Ok(());
        }
        let found = found.map_or("no such row group".to_owned(), |rows| format!("{rows} rows there"));
        let problem = format!(
            "a saved position is row {} of {} in row group {}, but it has {found}",
            split.next, split.rows, split.row_group
        );
        Err(ParquetError::Changed { file: self.path.clone(), problem })
    }
}

fn open(path: &Path) -> Result<(File, u64), FileError> {
    let file = File::open(path).map_err(FileError::io("open", path))?;
    let bytes = file.metadata().map_err(FileError::io("read", path))?.len();
    Ok((file, bytes))
}

/// Runs decoder code: its errors and its panics mean that the file is damaged.
pub(super) fn guarded<R, E: ToString>(path: &Path, decode: impl FnOnce() -> Result<R, E>) -> Result<R, ParquetError> {
    // A decoder that has panicked is never used again: readers stop at their first error.
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(cause)) => Err(ParquetError::damaged(path, cause)),
        Err(panic) => Err(ParquetError::damaged(path, message(&*panic))),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("the decoder gave up ({})", text.unwrap_or("no reason given"))
}
