//! The clocks that a grouping sees (SEMANTICS §1, §5): all that a trigger may look at besides elements.

use purlin_model::Timestamp;

/// Watermarks and processing time of one grouping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The input watermark, `wm` in SEMANTICS.
    pub(super) input: Timestamp,
    /// The output watermark, `out` in SEMANTICS.
    pub(super) output: Timestamp,
    /// The processing time, in milliseconds.
    pub(super) processing_ms: i64,
    /// The least of the local processing time and upstream's earliest pending one.
    pub(super) synchronized_ms: i64,
}

impl Clock {
    /// At the beginning: no watermark has moved, processing time is 0.
    pub(super) const START: Clock =
        Clock { input: Timestamp::MIN, output: Timestamp::MIN, processing_ms: 0, synchronized_ms: 0 };
}
