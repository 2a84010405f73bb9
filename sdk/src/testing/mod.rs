//! Testing pipelines: checks that are part of the pipeline, scripts of time, and the laws that every run has to keep.
//!
//! - [`check`] says what a collection holds, as a whole or per window and pane; a [`TestPipeline`] runs on every runner and asks its checks.
//! - A [`TestStream`] is a script of elements, watermarks and processing time, with one outcome on all runners.
//! - [`simulate`] runs a pipeline with checkpoints in a world where much goes wrong, and sees to it that its output is exactly-once.
//! - [`equivalence`] runs a pipeline over generated inputs in every way it could be run, and finds what makes the results depend on the way.
//!
//! ```
//! use purlin::prelude::*;
//! use purlin::testing::{TestPipeline, TestStream, check, equivalence};
//!
//! fn totals(amounts: PCollection<i64>) -> PCollection<i64> {
//!     let late = Trigger::after_watermark().late(Trigger::after_count(1));
//!     let windows = Fixed::of(seconds(1)).with().trigger(late).allowed_lateness(minutes(1)).accumulating();
//!     amounts.window(windows).combine_globally("total", Sum)
//! }
//!
//! // What comes when, on every runner:
//! let at = Timestamp::from_millis;
//! let test = TestPipeline::new();
//! let events = TestStream::new()
//!     .elements([(1, at(300)), (2, at(700))])
//!     .advance_watermark(at(1_000))
//!     .elements([(4, at(500))]);
//! check(&totals(test.test_stream("amounts", events)))
//!     .in_on_time_pane().equals(3)
//!     .in_late_pane().equals(7);
//! test.run();
//!
//! // The same totals in the end, for any input, however it is run:
//! let amount = (-100..100_i64, 0..5_000_i64);
//! use purlin::testing::proptest::strategy::Strategy;
//! equivalence(amount.prop_map(move |(n, ms)| (n, at(ms))), totals).keyed_by(|_| ()).check();
//! ```
//!
//! `docs/testing.md` is a guide. The feature `testing` belongs into `[dev-dependencies]`.

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
mod simulate;
mod watchers;

pub use check::{Check, check};
pub use collect::{Collected, collect};
pub use equivalence::{Equivalence, InputElement, equivalence};
pub use patience::{PATIENCE, eventually, within};
pub use pipeline::TestPipeline;
pub use runner::Runner;
pub use scripted::{ScriptedSource, ScriptedSplit};
pub use simulate::{Simulation, simulate};

pub use crate::source::{EventUnderWay, TestStream};
pub use proptest;
pub use purlin_runners::simulation::{Faults, Outcome, Surroundings};
