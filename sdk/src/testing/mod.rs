//! Testing pipelines: checks, scripts of time, and the laws that every run has to keep.

mod check;
mod collect;
mod difference;
mod equivalence;
mod natural;
mod patience;
mod pipeline;
mod recorder;
mod runner;
mod scripted;
mod watchers;

pub use check::{Check, check};
pub use collect::{Collected, collect};
pub use equivalence::{Equivalence, InputElement, equivalence};
pub use patience::{PATIENCE, eventually, within};
pub use pipeline::TestPipeline;
pub use runner::Runner;
pub use scripted::{ScriptedSource, ScriptedSplit};

pub use crate::source::{EventUnderWay, TestStream};
pub use proptest;
