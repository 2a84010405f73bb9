//! Where checkpoints are kept: files that are written once.
//!
//! A [`Storage`] knows one way to write, [`put_new`](Storage::put_new): the file is there whole and for good, or it was there before, or it
//! is not there. Everything else, up to the commit of a checkpoint, is made of that.

mod local;
mod memory;
#[cfg(feature = "object-store")]
mod object;
mod place;

pub use local::LocalStorage;
pub use memory::MemoryStorage;
#[cfg(feature = "object-store")]
pub use object::ObjectStorage;
pub use place::{existing_storage, open_storage};

use std::ops::Range;

use async_trait::async_trait;

/// Files by name, in a folder or a bucket.
///
/// Names are parts joined by `/`; a part is letters, digits, `-`, `_` and `.`, and does not begin with `.`.
///
/// ```
/// use purlin_runners::checkpoint::{MemoryStorage, Storage, StorageError};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let storage = MemoryStorage::default();
/// storage.put_new("commits/7", b"mine".to_vec()).await?;
/// let second = storage.put_new("commits/7", b"also mine".to_vec()).await;
/// assert!(matches!(second, Err(StorageError::Exists { .. })));
/// assert_eq!(storage.get("commits/7").await?, b"mine");
/// assert_eq!(storage.list("commits/").await?, ["commits/7"]);
/// # Ok::<(), StorageError>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Storage: Send + Sync {
    /// The place, for messages. Never a secret.
    fn describe(&self) -> String;

    /// Writes a file that is not there yet. When this returns `Ok` the file is durable; nobody ever sees part of it; and of several writers of
    /// one name, in whatever processes, at most one succeeds. After an error other than `Exists` the file may be there, whole.
    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError>;

    /// A file's contents.
    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError>;

    /// Part of a file: the bytes of `range` that it has.
    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let mut contents = self.get(name).await?;
        let within = |at: u64| usize::try_from(at).map_or(contents.len(), |at| at.min(contents.len()));
        let (start, end) = (within(range.start), within(range.end));
        contents.truncate(end);
        Ok(contents.split_off(start.min(end)))
    }

    /// The names of all files whose names begin with `prefix`, in order. A file that is there before the call, and not deleted, is listed.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError>;

    /// Removes a file; that it is not there is no error.
    async fn delete(&self, name: &str) -> Result<(), StorageError>;
}

/// Why a storage did not do what it was asked to.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is such a file already.
    #[error("{path} is there already")]
    Exists {
        /// The file, with its place.
        path: String,
    },
    /// There is no such file.
    #[error("{path} is not there")]
    NotFound {
        /// The file, with its place.
        path: String,
    },
    /// The place is full.
    #[error("there is no space left to write {path}: make room, or have --checkpoint-dir point to a larger place")]
    NoSpace {
        /// The file, with its place.
        path: String,
    },
    /// Anything else.
    #[error("{path} cannot be {doing}: {cause}")]
    Other {
        /// The file, with its place.
        path: String,
        /// What was wanted, as a participle: `written`.
        doing: &'static str,
        /// What happened, in words that hold no secret.
        cause: String,
    },
}

impl StorageError {
    /// An error with its own words.
    pub fn other(path: impl Into<String>, doing: &'static str, cause: impl ToString) -> Self {
        StorageError::Other { path: path.into(), doing, cause: cause.to_string() }
    }
}

/// Refuses names that could lead out of the place, or mean different things in different ones.
fn checked(name: &str, doing: &'static str) -> Result<(), StorageError> {
    let plain = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(known)
    };
    if name.split('/').all(plain) {
        return Ok(());
    }
    Err(StorageError::other(format!("`{name}`"), doing, "that is no name of a file in a checkpoint store"))
}

#[cfg(test)]
pub(crate) mod tests;
