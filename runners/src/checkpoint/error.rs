//! What can be wrong with a checkpoint store.

use purlin_model::snapshot::StateLogError;

use super::format::{EncodeError, FormatError};
use super::storage::StorageError;

/// Why the checkpoint store did not do what it was asked to.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The storage failed.
    #[error("the checkpoint store failed: {0}")]
    Storage(StorageError),

    /// A file is missing that a commit or a manifest names.
    #[error(
        "{file} is missing, and the checkpoint cannot be restored without it: bring the file back, or choose another \
         checkpoint to go on from"
    )]
    Missing {
        /// The file, with its place.
        file: String,
    },

    /// A file is damaged, foreign, or from a later version.
    #[error("a checkpoint cannot be read: {0}")]
    Format(#[from] FormatError),

    /// A file is intact, but another than the one that was named.
    #[error(
        "{file} is not the file that the checkpoint was made of: its checksum is another; it was replaced or mixed up"
    )]
    NotTheOne {
        /// The file, with its place.
        file: String,
    },

    /// Something cannot be written as a file.
    #[error("a checkpoint cannot be written: {0}")]
    Encode(#[from] EncodeError),

    /// The state of a transform is no sequence of changes.
    #[error("{file}: the state of `{operator}` cannot be read: {cause}")]
    State {
        /// The segment, with its place.
        file: String,
        /// The transform's full name.
        operator: String,
        /// What is wrong with it.
        #[source]
        cause: StateLogError,
    },

    /// The place belongs to another job.
    #[error(
        "{place} holds the checkpoints of job `{found}`, and this is job `{job}`: give each job a --checkpoint-dir of its \
         own, or, if it is the same job, its old name with --job-name"
    )]
    OtherJob {
        /// The place.
        place: String,
        /// The job's name.
        job: String,
        /// The name of the job that it belongs to.
        found: String,
    },

    /// A later start of the job has taken over.
    #[error("incarnation {by} of the job has taken over from incarnation {incarnation}: this process has to end")]
    Fenced {
        /// The start of the job that asked.
        incarnation: u64,
        /// The newest one.
        by: u64,
    },
}

impl From<StorageError> for CheckpointError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound { path } => CheckpointError::Missing { file: path },
            error => CheckpointError::Storage(error),
        }
    }
}

/// Why a checkpoint is not committed, or not known to be.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another start of the job has committed this checkpoint or a later one, or has taken over.
    #[error(
        "checkpoint {checkpoint} of incarnation {incarnation} is lost: incarnation {by} has taken the job over; this \
         process has to end, or to go on from what that one has committed"
    )]
    Lost {
        /// The checkpoint.
        checkpoint: u64,
        /// The start of the job that wanted to commit.
        incarnation: u64,
        /// The one that was before it.
        by: u64,
    },
    /// The store failed: the checkpoint may be committed or not. Committing it again, or reading what is committed, tells.
    #[error("committing a checkpoint failed: {0}")]
    Store(#[from] CheckpointError),
}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        CommitError::Store(error.into())
    }
}
