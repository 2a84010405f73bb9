//! Purlin's runners, from the graph of a pipeline to its results.
//!
//! - [`plan`] cuts a graph into stages; [`core`] holds the semantics as pure machines.
//! - `batch` (rayon) and `stream` (tokio) drive the same plan and the same machines.
//! - `checkpoint` is the store of the stream runner's checkpoints, and what reads it.
//! - `simulation` runs the stream runner in a seeded world in which much goes wrong.
//! - `reference` is the oracle: naive, slow, written independently of `core`.
//! - `user_code` turns panics into failures, for all of them.
//! - `launch` is a program's `main`; [`observe`] is what a run tells its watchers.

#![warn(missing_docs)]

#[cfg(all(test, any(feature = "batch", feature = "stream")))]
mod agreement;
#[cfg(feature = "batch")]
pub mod batch;
#[cfg(feature = "stream")]
pub mod checkpoint;
pub mod core;
#[cfg(feature = "launch")]
pub mod launch;
pub mod observe;
pub mod plan;
pub mod reference;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stalls;
#[cfg(feature = "stream")]
pub mod stream;
pub mod user_code;
