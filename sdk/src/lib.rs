//! Purlin: one pipeline of typed collections, one binary, the runner chosen at launch.
//!
//! ```
//! use purlin::prelude::*;
//!
//! let pipeline = Pipeline::new();
//! let counts = MemorySink::new();
//! pipeline
//!     .create("lines", ["to be or not", "to be"].map(String::from))
//!     .flat_map("words", |line| line.split(' ').map(String::from).collect::<Vec<_>>())
//!     .key_by("word", |word| word.clone())
//!     .combine_per_key("count", Count)
//!     .write("counts", counts.sink());
//!
//! let graph = pipeline.graph()?;
//! BatchRunner::new().run(&graph)?;
//! let mut batch = counts.take();
//! StreamRunner::new().run(&graph)?;
//! let mut stream = counts.take();
//!
//! batch.sort();
//! stream.sort();
//! assert_eq!(batch, stream);
//! assert_eq!(batch[0], ("be".to_string(), 2));
//! # Ok::<(), purlin::Failure>(())
//! ```
//!
//! A program hands a function that builds its pipeline to [`main`], and gets `--runner batch | stream` and the rest of the command line
//! for it. This crate re-exports what a user needs: the [model](purlin_model), the [connectors](io), the [runners].
//! Features choose connectors (`text`, `parquet`, `kafka`, `kafka-tls`), runners (`batch`, `stream`, `launch`, on by default), where checkpoints may be
//! kept beside folders (`s3`, `gcs`, `azure`), and `calendar` windows.
//! The feature `testing`, for `[dev-dependencies]`, brings what tests of pipelines need.

#![warn(missing_docs)]

pub use purlin_model::*;

/// The README's programs, as tests.
#[cfg(all(doctest, feature = "text", feature = "launch"))]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The page on testing, as tests.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../docs/testing.md")]
pub struct TestingPage;

/// Connectors.
pub mod io {
    pub use purlin_io::*;
}

/// The runners, for programs and tests that run a graph themselves.
pub mod runners {
    #[cfg(feature = "batch")]
    pub use purlin_runners::batch::BatchRunner;
    #[cfg(feature = "stream")]
    pub use purlin_runners::checkpoint;
    pub use purlin_runners::observe::Observer;
    pub use purlin_runners::plan::{Plan, PlanOptions};
    pub use purlin_runners::reference::ReferenceRunner;
    #[cfg(feature = "stream")]
    pub use purlin_runners::stream::{CheckpointSettings, Guarantee, StopHandle, StopMode, StreamRunner};
}

#[cfg(feature = "testing")]
pub mod testing;

/// Flat structs as rows of Arrow columns, and the macro that derives it.
#[cfg(feature = "parquet")]
pub mod row {
    pub use purlin_derive::Row;
    pub use purlin_model::row::*;
}

#[cfg(feature = "launch")]
pub use purlin_runners::launch::{self, LaunchOptions, RunnerKind, main};

/// What most programs use.
pub mod prelude {
    pub use crate::combine::{CombineFn, Count, Distinct, Max, Mean, Min, Sample, Sum, Top};
    pub use crate::io::memory::{MemorySink, MemorySource};
    pub use crate::io::{DeadLetter, PeriodicImpulse};
    #[cfg(feature = "parquet")]
    pub use crate::row::Row;
    #[cfg(feature = "batch")]
    pub use crate::runners::BatchRunner;
    pub use crate::runners::ReferenceRunner;
    #[cfg(feature = "stream")]
    pub use crate::runners::StreamRunner;
    pub use crate::sink::{BoxSink, Sink};
    pub use crate::source::{BoxSource, Source};
    pub use crate::state::State;
    pub use crate::window::{ByElement, Fixed, Global, Sessions, Sliding, Window, WindowFn, WindowSpec};
    #[cfg(feature = "calendar")]
    pub use crate::window::{Calendar, Weekday};
    pub use crate::{
        AsyncDoFn, AsyncOptions, At, Batches, BoxError, Collections, CompactString, Context, DoFn, Element, Emitter,
        Failure, Key, Output, PCollection, PTransform, Pipeline, Retry, StateContext, StatefulDoFn, TimerContext,
        Timestamp, Trigger, days, hours, milliseconds, minutes, seconds,
    };
}
