//! Fixed (tumbling) windows.

use std::time::Duration;

use super::by_run::assign_by_run;
use super::{Window, WindowFn, WindowSet};
use crate::Timestamp;
use crate::bundle::Column;
use crate::time::millis;

/// Windows of one size, one after the other: `[n·size + offset, (n+1)·size + offset)`.
///
/// ```
/// use purlin_model::{Timestamp, minutes, window::{Fixed, WindowFn}};
/// let window = Fixed::of(minutes(1)).assign(Timestamp::from_millis(-1)).first();
/// assert_eq!(window.start, Timestamp::from_millis(-60_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    size_ms: i64,
    offset_ms: i64,
}

impl Fixed {
    /// Windows of `size`, aligned to the epoch. A size of zero is taken as one millisecond.
    pub fn of(size: Duration) -> Self {
        Fixed { size_ms: millis(size).max(1), offset_ms: 0 }
    }

    /// The same windows moved by `offset`.
    pub fn offset(self, offset: Duration) -> Self {
        Fixed { offset_ms: millis(offset).rem_euclid(self.size_ms), ..self }
    }
}

impl WindowFn for Fixed {
    fn name(&self) -> String {
        let Self { size_ms, offset_ms } = self;
        if *offset_ms == 0 { format!("fixed({size_ms} ms)") } else { format!("fixed({size_ms} ms + {offset_ms} ms)") }
    }

    /// Floor arithmetic, right for negative times too (SEMANTICS §2).
    #[inline]
    fn assign(&self, at: Timestamp) -> WindowSet {
        let since = (at.millis() - self.offset_ms).rem_euclid(self.size_ms);
        let start = at.saturating_add_millis(-since);
        WindowSet::one(Window::new(start, start.saturating_add_millis(self.size_ms)))
    }

    fn assign_all(&self, timestamps: &[Timestamp], windows: &mut Column<WindowSet>) {
        assign_by_run(timestamps, windows, |at| self.assign(at));
    }
}
