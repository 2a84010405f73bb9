//! Programs as their users meet them: plans explained, metrics served, signals obeyed, examples that give what they promise.

mod checkpoints;
mod examples;
mod explain;
mod metrics;
mod signals;
mod stalled;
mod streaming_job;
