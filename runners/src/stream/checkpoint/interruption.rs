//! Why a run with checkpoints ended before its time: for good, or to go on from its last checkpoint.

use purlin_model::transaction::{LogError, LogErrorKind};
use purlin_model::{BoxError, Failure};

use crate::checkpoint::CheckpointError;

/// The end of an attempt.
#[derive(Debug)]
pub(in crate::stream) enum Interruption {
    /// Trying again does not help.
    Final(Failure),
    /// Something around the job failed, or it is in doubt whether a commit happened: the last commit tells, and the job goes on from there.
    Passing(Failure),
    /// A transaction was taken away: by a newer instance of the job, or by the cluster because it took too long. Which, the storage tells.
    Fenced(Failure),
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
    /// By what a sink's cluster says where it said something; any other failure is the pipeline's own.
    fn from(failure: Failure) -> Self {
        let of_log = |cause: &BoxError| cause.downcast_ref::<LogError>().map(|error| error.kind);
        let kind = match &failure {
            Failure::Sink { cause, .. } | Failure::Other(cause) => of_log(cause),
            _ => None,
        };
        match kind {
            Some(LogErrorKind::Retriable | LogErrorKind::Abortable) => Interruption::Passing(failure),
            Some(LogErrorKind::Fenced) => Interruption::Fenced(failure),
            Some(LogErrorKind::Fatal) | None => Interruption::Final(failure),
        }
    }
}

impl From<CheckpointError> for Interruption {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Storage(_) => Interruption::Passing(Failure::other(error)),
            CheckpointError::Fenced { .. } => Interruption::Fenced(Failure::other(error)),
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
