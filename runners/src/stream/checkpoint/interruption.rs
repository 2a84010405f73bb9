//! Why a run with checkpoints ended before its time: for good, or to go on from its last checkpoint.

use std::error::Error;
use std::io::{self, ErrorKind};

use purlin_model::Failure;
use purlin_model::transaction::{LogError, LogErrorKind};

use crate::checkpoint::CheckpointError;

/// The end of an attempt.
#[derive(Debug)]
pub(in crate::stream) enum Interruption {
    /// Trying again does not help.
    Final(Failure),
    /// Something around the job failed, or it is in doubt whether a commit happened, or a transaction was taken away, by a newer instance of
    /// the job or by the cluster because it took too long: the storage tells, and the last commit, from which the job goes on.
    Passing(Failure),
}

impl Interruption {
    /// Something around the job failed.
    pub(in crate::stream) fn passing(reason: String) -> Self {
        Interruption::Passing(Failure::other(reason))
    }

    /// A newer instance of the job has taken over.
    pub(in crate::stream) fn superseded(job: &str, by: u64) -> Self {
        Interruption::Final(Failure::Superseded { job: job.to_string(), by })
    }
}

impl From<Failure> for Interruption {
    /// By what a cluster or the operating system says, wherever in the chain of causes; any other failure is the pipeline's own.
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::Sink { cause, .. } | Failure::Source { cause, .. } | Failure::Other(cause) => match said(&**cause)
            {
                Some(LogErrorKind::Retriable | LogErrorKind::Abortable | LogErrorKind::Fenced) => {
                    Interruption::Passing(failure)
                }
                Some(LogErrorKind::Fatal) | None => Interruption::Final(failure),
            },
            _ => Interruption::Final(failure),
        }
    }
}

/// What a cluster or the operating system has said in a chain of causes, as far as that tells whether trying again helps.
fn said(cause: &(dyn Error + 'static)) -> Option<LogErrorKind> {
    if let Some(error) = cause.downcast_ref::<LogError>() {
        return Some(error.kind);
    }
    match cause.downcast_ref::<io::Error>() {
        Some(error) if passes(error.kind()) => Some(LogErrorKind::Retriable),
        _ => said(cause.source()?),
    }
}

/// Whether this is about the moment, not about what was asked for.
fn passes(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    matches!(
        kind,
        StorageFull
            | QuotaExceeded
            | TimedOut
            | Interrupted
            | ResourceBusy
            | ConnectionRefused
            | ConnectionReset
            | ConnectionAborted
            | NotConnected
            | BrokenPipe
            | HostUnreachable
            | NetworkUnreachable
            | NetworkDown
            | StaleNetworkFileHandle
    )
}

impl From<CheckpointError> for Interruption {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Storage(_) | CheckpointError::Fenced { .. } => {
                Interruption::Passing(Failure::other(error))
            }
            CheckpointError::OtherJob { .. } => Interruption::Final(Failure::Options(error.to_string())),
            _ => Interruption::Final(Failure::other(error)),
        }
    }
}

impl From<LogError> for Interruption {
    fn from(error: LogError) -> Self {
        Failure::other(error).into()
    }
}
