//! What goes wrong with Parquet files. Every message names the file and says what would help.

use std::path::{Path, PathBuf};

use purlin_model::row::RowError;

use crate::files::FileError;

/// A Parquet file that cannot be read or written as asked.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// The path or pattern names no file, or the operating system refused.
    #[error(transparent)]
    File(#[from] FileError),

    /// The folder has no file in it, so that not even the columns are known.
    #[error("there is no Parquet file in `{path}`; names that begin with `.` or `_` are passed over")]
    Empty {
        /// The path as given.
        path: String,
    },

    /// The bytes are not those of a whole Parquet file.
    #[error(
        "`{}` cannot be read as Parquet: {problem}; either it is not a Parquet file, or it was cut short or damaged: \
         write it again",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What the decoder found.
        problem: String,
    },

    /// The file is compressed in a way that this build does not know.
    #[error("`{}` is compressed with {codec}, which is not read; write it with Zstd, Snappy or LZ4", file.display())]
    Codec {
        /// The file.
        file: PathBuf,
        /// The compression's name.
        codec: String,
    },

    /// The columns are not those of the row type.
    #[error("`{}` does not fit the row type: {cause}", file.display())]
    Schema {
        /// The file.
        file: PathBuf,
        /// The column and what is wrong with it.
        #[source]
        cause: RowError,
    },

    /// A row holds what its struct cannot.
    #[error("`{}`, row {row} of the file counted from 0: {cause}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// The row's number in the whole file, from 0.
        row: u64,
        /// The column and what is wrong with it.
        #[source]
        cause: RowError,
    },

    /// The filter compares a column that is not there, or with a value of another type.
    #[error("the filter does not fit `{}`: {problem}", file.display())]
    Filter {
        /// The file.
        file: PathBuf,
        /// The column, its type, and what it was compared with.
        problem: String,
    },

    /// Another file stands where a split's file stood.
    #[error(
        "`{}` is not the file that this run was planned on: {problem}; put the old file back, or start anew without \
         the saved position",
        file.display()
    )]
    Changed {
        /// The file.
        file: PathBuf,
        /// What differs.
        problem: String,
    },

    /// An option of the sink is out of its range.
    #[error("the Parquet sink cannot write so: {problem}")]
    Option {
        /// The option and its range.
        problem: String,
    },

    /// Rows could not be made into columns.
    #[error("rows for `{}` do not make columns: {cause}", file.display())]
    Encode {
        /// The output.
        file: PathBuf,
        /// The column and what is wrong with it.
        #[source]
        cause: RowError,
    },

    /// A file could not be written.
    #[error("writing `{}` failed: {problem}", file.display())]
    Write {
        /// The output or the temporary file.
        file: PathBuf,
        /// The encoder's or the system's reason.
        problem: String,
    },
}

impl ParquetError {
    pub(super) fn damaged(file: &Path, problem: impl ToString) -> Self {
        ParquetError::Damaged { file: file.to_owned(), problem: problem.to_string() }
    }

    pub(super) fn write(file: &Path, problem: impl ToString) -> Self {
        ParquetError::Write { file: file.to_owned(), problem: problem.to_string() }
    }
}
