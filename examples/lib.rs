//! What example programs are made of, for their tests and benchmarks.

#![warn(missing_docs)]

pub mod conformance;
pub mod nexmark;
