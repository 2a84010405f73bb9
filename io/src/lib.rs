//! Purlin's connectors. Each is a folder behind a feature of its name and implements the model's `Source` and `Sink`.
//!
//! Architecture invariant: only this crate names Kafka, Parquet or a file format.

#![warn(missing_docs)]

mod dead_letter;
#[cfg(any(feature = "text", feature = "parquet"))]
mod files;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod memory;
#[cfg(feature = "parquet")]
pub mod parquet;
mod periodic;
#[cfg(feature = "text")]
pub mod text;

pub use dead_letter::DeadLetter;
pub use periodic::{PeriodicImpulse, PeriodicSplit};
