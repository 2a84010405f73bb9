//! Checkpoints of a streaming run, and exactly-once output by them.
//!
//! - `settings`: what the launch asks for; `interruption`: how an attempt ends.
//! - `participant`: a task's side; `coordinator`: the job's; `gathered`: what the tasks have given, and who is waited for.
//! - `transaction`: the commit point on a cluster with transactions; `offsets`: what rides along for monitoring tools.
//! - `recovery`: from the last commit to a run.
//!
//! Checkpoint n: barriers through the graph; the tasks' parts durable as a snapshot under a name of its own, manifest last; then one commit. A
//! crash before the commit goes on from n − 1, after it from n: exactly one of them, and both exist.

mod coordinator;
mod gathered;
mod interruption;
mod offsets;
mod participant;
mod recovery;
mod settings;
mod transaction;

pub(super) use coordinator::Coordinator;
pub(super) use interruption::Interruption;
pub(super) use participant::{Content, Part, Participant, StagePart, TaskName, requested};
pub(super) use recovery::{Recovered, Restored, recover};
pub use settings::{CheckpointSettings, Guarantee};
pub(super) use transaction::{BufferedWriter, JobTransactions, WriterBuffer};
