//! Memory as source and sink: for tests, examples and small pipelines.
//!
//! - [`MemorySource`]: values, in splits and bundles of any size.
//! - [`channel`]: an unbounded source that is fed by hand, element by element and watermark by watermark.
//! - [`MemorySink`]: what a pipeline wrote, once it has succeeded.

mod channel;
mod sink;
mod source;

pub use channel::{MemoryStream, Sender, StreamSplit, channel};
pub use sink::{MemorySink, StagedValues};
pub use source::{MemorySource, MemorySplit};
