//! Session windows: activity separated by silence.

use std::time::Duration;

use super::{Merged, Window, WindowFn, WindowSet};
use crate::Timestamp;
use crate::time::millis;

/// Per key, elements less than `gap` apart share a window, which ends `gap` after the last.
///
/// An element at t is the proto-window `[t, t + gap)`; two merge if and only if they overlap. Ones that only
/// touch do not (SEMANTICS §2).
///
/// ```
/// use purlin_model::{Timestamp, minutes, window::{Sessions, WindowFn}};
/// assert!(Sessions::of(minutes(30)).is_merging());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    gap_ms: i64,
}

impl Sessions {
    /// Sessions that end after `gap` without an element.
    pub fn of(gap: Duration) -> Self {
        Sessions { gap_ms: millis(gap).max(1) }
    }
}

impl WindowFn for Sessions {
    fn name(&self) -> String {
        format!("sessions({} ms)", self.gap_ms)
    }

    #[inline]
    fn assign(&self, at: Timestamp) -> WindowSet {
        WindowSet::one(Window::new(at, at.saturating_add_millis(self.gap_ms)))
    }

    fn is_merging(&self) -> bool {
        true
    }

    fn merges_overlaps(&self) -> bool {
        true
    }

    fn merge(&self, windows: &[Window]) -> Vec<Merged> {
        Merged::overlapping(windows)
    }
}
