//! Calls: element-wise work that waits for somebody else, many elements at a time.
//!
//! A `DoFn` that asks a service about each element waits most of its time. An [`AsyncDoFn`] gives a future instead, and the runner keeps up to
//! [`capacity`](AsyncOptions::capacity) of them going per worker: this is Flink's Async I/O. What can go wrong with a call is part of the transform:
//! how long an answer may take, how often and how soon to ask again, and where an element goes that never gets one.
//!
//! What holds on every runner:
//!
//! - Results stand where their element stands: its timestamp, its windows, its pane.
//! - The watermark waits for the earliest element that is not answered, as for any pending element (SEMANTICS §5). So what was not late
//!   before a call is not late behind it, whatever the order.
//! - Results come as the answers do, or, if [`ordered`](AsyncOptions::ordered), in the order of the elements on each worker.
//! - While `capacity` calls are under way nothing more is taken in, and whatever stands upstream slows down.
//! - Elements that are not answered are part of a snapshot. After a restore they are asked about again: a service that is asked to *change*
//!   something must not mind.

mod attempts;
mod do_fn;
mod options;
mod run;

pub use attempts::TimedOut;
pub use do_fn::AsyncDoFn;
pub use options::{AsyncOptions, Retry};

pub(crate) use do_fn::Closure;
pub(crate) use run::{CallFactory, Deliver};

#[cfg(test)]
mod tests;
