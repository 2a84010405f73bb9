//! Splittable work: a `DoFn` whose work on one element may be large, or endless, and is therefore described, divided and interrupted.
//!
//! An element comes with a [`Restriction`]: what of it is to be done, a range of bytes or of offsets. Before the start it is split into several,
//! which run in parallel. While one runs, it claims position after position; the runner may interrupt it at any of them, and what was not
//! claimed is a restriction again, kept as state and gone on with later. A [`WatermarkEstimator`] says how far the event time of its
//! output has come: the output watermark is held there, and the input is not at its end, until all is done.
//!
//! A source is the same from the other side ([`crate::source`]): it has no element to begin with. Use a splittable `DoFn` to read what other
//! elements name, such as a file for each path.

mod do_fn;
mod estimator;
mod offsets;
mod restriction;
mod resume;
mod work;

pub use do_fn::SplittableDoFn;
pub use estimator::{BoundedOutOfOrderness, Manual, Monotonic, WatermarkEstimator};
pub use offsets::Offsets;
pub use restriction::{Continuation, Progress, Restriction};
pub use work::SplitWork;
