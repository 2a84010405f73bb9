//! The streaming engine under a seeded, single-threaded simulation of the world around it.
//!
//! One number, the seed, is a whole run: which task goes on next, how time passes, what the log cluster and the storage do, when the process
//! is killed, whether it is really dead. A run that goes wrong does so again with its seed.
//!
//! - `world`: tasks of several processes, one virtual clock, and who goes on next.
//! - `env`: the engine's [`Env`](crate::stream::Env) in it.
//! - `faults`: what may go wrong with one request, and how likely.
//! - `cluster`: a log with transactions, behind the traits that Kafka is behind. `storage`: that of checkpoints.
//! - `surroundings`: the sources and sinks of a pipeline in it. `source` is slow and may fail, and may be a `topic`, which is read by `topic_source`;
//!   `sinks` write to a simulated cluster and to a simulated folder.
//! - `tampering`: what befalls topics and offsets: retention, and what has to be refused.
//! - `job`: a pipeline that is killed and started again until it ends.

mod cluster;
mod env;
mod faults;
mod job;
mod sinks;
mod source;
mod storage;
mod surroundings;
mod tampering;
mod topic;
mod topic_source;
mod world;

pub use faults::Faults;
pub use job::{Build, Job, Outcome};
pub use surroundings::Surroundings;
