//! Why text cannot be read.

use std::io;
use std::path::PathBuf;

/// Text that cannot be read, and where it is.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The operating system or the decompressor refused.
    #[error("cannot read `{}`: {cause}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },

    /// A record that its decoder refused.
    #[error(
        "{at}: {reason}; with `.or_dead_letter()` the source gives such records as dead letters instead of failing"
    )]
    Malformed {
        /// File and line, or byte where the line is not known.
        at: String,
        /// What the decoder says.
        reason: String,
    },

    /// A record without end in sight.
    #[error(
        "{at}: the record is longer than {bytes_max} bytes. If this is no mistake in the data (a quote that is never \
         closed, a file that is not text), allow more with `.max_line_bytes(..)` or `.max_record_bytes(..)`"
    )]
    TooLong {
        /// File and line, or byte where the line is not known.
        at: String,
        /// The limit.
        bytes_max: usize,
    },

    /// The file is shorter than it was.
    #[error("`{}` has changed: it ends before byte {offset}, which it had when reading began", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// A position that it had.
        offset: u64,
    },
}

impl TextError {
    /// For `map_err`: which file could not be read.
    pub(super) fn read(path: &std::path::Path) -> impl FnOnce(io::Error) -> TextError {
        move |cause| TextError::Read { path: path.to_owned(), cause }
    }
}
