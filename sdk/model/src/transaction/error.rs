//! What can go wrong with a transaction, by what has to be done about it.

use std::fmt;

/// An error of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogError {
    /// What has to be done.
    pub kind: LogErrorKind,
    /// What happened, in words that hold no secret.
    pub message: String,
}

/// What has to be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogErrorKind {
    /// The same call may succeed later.
    Retriable,
    /// The transaction has to be given up; with a new producer the job goes on from the last commit.
    Abortable,
    /// A newer producer of the same transactional id is there, or the cluster gave the transaction up for its time-out.
    Fenced,
    /// Trying again does not help.
    Fatal,
}

impl LogError {
    /// An error of this kind.
    pub fn new(kind: LogErrorKind, message: impl Into<String>) -> Self {
        LogError { kind, message: message.into() }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LogError {}
