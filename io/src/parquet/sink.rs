//! `ParquetSink`: rows into a folder of Parquet files.

use std::marker::PhantomData;
use std::path::PathBuf;

use ::parquet::arrow::ArrowSchemaConverter;
use ::parquet::basic::{self, Encoding, ZstdLevel};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use arrow_schema::DataType;
use async_trait::async_trait;
use purlin_model::row::Row;
use purlin_model::sink::{Io, Sink, SinkRun, Visibility, Writer};
use purlin_model::{BoxError, Element};

use super::ParquetError;
use super::writer::PartWriter;
use crate::files::{FileError, OutputFolder, StagedFiles};

/// The usual size of a row group: enough rows that a reader's cost per group vanishes.
const ROW_GROUP_ROWS: usize = 1024 * 1024;

/// A row group in the making stands in memory; wide rows end it early.
const ROW_GROUP_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Numbers leave their dictionary early: a small one pays where values repeat (identifiers, window starts) and costs
/// little to try. What does not fit is packed as differences, which decodes 4 times as fast as plain numbers under Zstd.
const NUMBER_DICTIONARY_BYTES: usize = 64 * 1024;

/// Rows of type `T` into a folder of Parquet files, which appears when the pipeline has succeeded, all at once.
///
/// Each worker writes files of its own, `part-….parquet`. Without any row there is one file, which says what the columns are.
/// Of a job with checkpoints the folder is there from the start, and each checkpoint adds complete files with the rows since the one before,
/// each row once, whatever fails in between: the interval between checkpoints decides how many files there are and how small.
/// The [module's head](super) says how other tools read the folder.
///
/// A column is written with a dictionary while its values repeat; beyond that integers and timestamps are packed as
/// differences, other types stand plain. Then comes the compression.
#[derive(Debug)]
pub struct ParquetSink<T> {
    folder: OutputFolder,
    compression: Compression,
    row_group_rows: usize,
    of: PhantomData<fn(T)>,
}

/// How column data is compressed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Fast and light.
    Snappy,
    /// Smaller, at a level from 1 (fast, the default) to 22 (small).
    Zstd(i32),
}

impl<T: Row + Element> ParquetSink<T> {
    /// Into a folder at `path`, which must not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        ParquetSink {
            folder: OutputFolder::new(path),
            compression: Compression::Zstd(1),
            row_group_rows: ROW_GROUP_ROWS,
            of: PhantomData,
        }
    }

    /// Compresses in this way instead of `Zstd(1)`.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Rows per row group, about a million unless said. Readers skip and share work by row groups; a writer holds one in memory.
    pub fn row_group_rows(mut self, rows: usize) -> Self {
        self.row_group_rows = rows;
        self
    }

    /// Replaces output of an earlier run: when the new one appears, or, of a job with checkpoints, when the job starts afresh. A folder that holds anything else is left alone, and is an error.
    pub fn overwrite(mut self) -> Self {
        self.folder = self.folder.overwrite();
        self
    }

    /// How files are to be encoded.
    fn properties(&self) -> Result<WriterProperties, ParquetError> {
        if self.row_group_rows == 0 {
            return Err(ParquetError::Option { problem: "a row group has at least one row".to_owned() });
        }
        let compression = match self.compression {
            Compression::None => basic::Compression::UNCOMPRESSED,
            Compression::Snappy => basic::Compression::SNAPPY,
            Compression::Zstd(level) => {
                let level = ZstdLevel::try_new(level).map_err(|_| ParquetError::Option {
                    problem: format!("Zstd has the levels 1 to 22, not {level}"),
                })?;
                basic::Compression::ZSTD(level)
            }
        };
        let schema = T::schema();
        let stored = ArrowSchemaConverter::new().convert(&schema).map_err(|cause| ParquetError::Option {
            problem: format!("the row type has no Parquet schema: {cause}"),
        })?;
        let mut properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(self.row_group_rows))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for (column, field) in stored.columns().iter().zip(schema.fields()) {
            let path = column.path().clone();
            properties = match field.data_type() {
                DataType::Utf8 | DataType::Binary => properties,
                DataType::Boolean => properties.set_column_dictionary_enabled(path, false),
                DataType::Float32 | DataType::Float64 => {
                    properties.set_column_dictionary_page_size_limit(path, NUMBER_DICTIONARY_BYTES)
                }
                _ => properties
                    .set_column_dictionary_page_size_limit(path.clone(), NUMBER_DICTIONARY_BYTES)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            };
        }
        Ok(properties.build())
    }

    fn writer(&self, worker: usize) -> Result<PartWriter<T>, ParquetError> {
        Ok(PartWriter::new(self.folder.parts(worker, "parquet")?, self.properties()?))
    }
}

#[async_trait]
impl<T: Row + Element> Sink for ParquetSink<T> {
    type Item = T;
    type Staged = StagedFiles;

    fn describe(&self) -> String {
        format!("Parquet `{}`", self.folder.target().display())
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        self.properties()?;
        Ok(self.folder.begin(run)?)
    }

    async fn open(&self, worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(self.writer(worker)?))
    }

    async fn publish(&self, mut staged: Vec<StagedFiles>) -> Result<(), BoxError> {
        // Output that grows says what its columns are with its first rows.
        if staged.is_empty() && !self.folder.is_growing() {
            match self.writer(0) {
                Ok(writer) => staged.extend(writer.stage_empty()?),
                // Published before: there is no run any more, and the folder knows.
                Err(ParquetError::File(FileError::NotBegun { .. })) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(self.folder.publish(&staged)?)
    }

    async fn discard(&self) -> Result<(), BoxError> {
        Ok(self.folder.discard()?)
    }
}
