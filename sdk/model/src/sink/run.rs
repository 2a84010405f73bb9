//! What a sink is begun for.

/// A run, as a sink sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkRun {
    /// The job's name, the same after a restart.
    pub job: String,
    /// When output is published.
    pub publishing: Publishing,
}

/// When a run publishes its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// Once, when it has succeeded.
    AtEnd,
    /// With every checkpoint: output grows while the run goes on.
    PerCheckpoint {
        /// Counts the starts of the job: tells the temporary output of this one from that of earlier ones.
        incarnation: u64,
        /// The job goes on from a checkpoint: output of its earlier incarnations is there, and what the last one had staged may not be published yet.
        resumes: bool,
    },
}

impl SinkRun {
    /// A run of `job` that publishes at its end.
    pub fn once(job: impl Into<String>) -> Self {
        SinkRun { job: job.into(), publishing: Publishing::AtEnd }
    }
}
