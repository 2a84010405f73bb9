//! The Purlin model: what a pipeline is, without any engine or connector.
//!
//! - [`Pipeline`] and [`PCollection`] build a [`graph`]; [`PTransform`]s are composites of transforms.
//! - [`window`]s, [`Trigger`]s and [`Pane`]s say how event time is cut and when results are emitted.
//! - [`combine`], [`view`], [`DoFn`], with [`calls`] [`AsyncDoFn`] and, with [`state`], [`StatefulDoFn`] are where user code goes in.
//! - [`source`] and [`sink`] are the contracts of connectors, [`coder`] that of encodings.
//! - [`snapshot`] is state as bytes; [`transaction`] is what exactly-once output to a log takes.
//! - [`bundle`]s of elements are what moves; [`kernel`]s are the typed inner loops that runners drive.
//!
//! Architecture invariant: nothing here knows a runner, a thread pool, an async runtime or a file format.

#![warn(missing_docs)]

mod dropped;
mod element;
mod error;
mod pane;
mod pcollection;
mod pipeline;
mod time;
mod transform;
mod trigger;

pub mod bundle;
pub mod calls;
pub mod coder;
pub mod combine;
pub mod graph;
pub mod kernel;
pub mod metrics;
#[cfg(feature = "arrow")]
pub mod row;
pub mod sink;
pub mod snapshot;
pub mod source;
pub mod split;
pub mod state;
pub mod transaction;
pub mod view;
pub mod window;

pub use calls::{AsyncDoFn, AsyncOptions, Retry};
/// Text of which up to 24 bytes take no memory elsewhere: cheap as an element and as a key, where a `String` would be sought and given back for
/// each. It is `compact_str`'s.
pub use compact_str::CompactString;
pub use dropped::{DropCause, Dropped};
pub use element::{Element, Key};
pub use error::{BoxError, Failure, Problem};
pub use pane::{Pane, Timing};
pub use pcollection::{Collections, PCollection, PTransform};
pub use pipeline::Pipeline;
pub use time::{Timestamp, days, hours, milliseconds, minutes, seconds};
pub use transform::{
    At, Batches, Context, DoFn, Either, Emitter, Failed, Output, Outputs, StateContext, StatefulDoFn, TimerContext,
};
pub use trigger::{TimeTransform, Trigger};
