//! Watermark holds: what the elements that wait for a pane keep the output watermark back at (SEMANTICS §5).

use purlin_model::Timestamp;
use purlin_model::window::TimestampCombiner;

/// The hold of one (key, window).
#[derive(Clone, Copy, Default)]
pub(super) struct Hold {
    /// That of the elements since the last pane, and the timestamp of the next one.
    pub(super) elements: Option<Timestamp>,
    /// There are elements without one, or a closing pane will come: held at the window's gc.
    pub(super) at_gc: bool,
    /// What stands in [`Holds`](crate::core::holds::Holds) for this window.
    pub(super) registered: Option<Timestamp>,
}

/// Where an element at `at` holds in a window whose last timestamp is `window_max`.
#[inline]
pub(super) fn assigned(combiner: TimestampCombiner, at: Timestamp, window_max: Timestamp) -> Timestamp {
    match combiner {
        TimestampCombiner::EndOfWindow => window_max,
        TimestampCombiner::Earliest | TimestampCombiner::Latest => at,
    }
}

/// Two holds of one pane.
#[inline]
pub(super) fn combined(combiner: TimestampCombiner, a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    let (Some(first), Some(second)) = (a, b) else { return a.or(b) };
    Some(match combiner {
        TimestampCombiner::Earliest => first.min(second),
        TimestampCombiner::Latest | TimestampCombiner::EndOfWindow => first.max(second),
    })
}
