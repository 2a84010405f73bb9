//! Sliding (hopping) windows.

use std::time::Duration;

use super::{Window, WindowFn, WindowSet};
use crate::Timestamp;
use crate::time::millis;

/// Windows of one size that start every period: an element lies in `size / period` of them.
///
/// A period longer than the size is legal and drops the elements between windows (SEMANTICS §2).
///
/// ```
/// use purlin_model::{Timestamp, seconds, window::{Sliding, WindowFn}};
/// let windows = Sliding::of(seconds(10)).every(seconds(5)).assign(Timestamp::from_millis(7_000));
/// let starts: Vec<i64> = windows.iter().map(|w| w.start.millis()).collect();
/// assert_eq!(starts, [0, 5_000]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    size_ms: i64,
    period_ms: i64,
    offset_ms: i64,
}

impl Sliding {
    /// Windows of `size`; say how often one starts with [`every`](Self::every), else they are fixed ones.
    pub fn of(size: Duration) -> Self {
        let size_ms = millis(size).max(1);
        Sliding { size_ms, period_ms: size_ms, offset_ms: 0 }
    }

    /// One window starts each `period`.
    pub fn every(self, period: Duration) -> Self {
        Sliding { period_ms: millis(period).max(1), ..self }
    }

    /// Starts are moved by `offset`.
    pub fn offset(self, offset: Duration) -> Self {
        Sliding { offset_ms: millis(offset), ..self }
    }
}

impl WindowFn for Sliding {
    fn name(&self) -> String {
        format!("sliding({} ms every {} ms + {} ms)", self.size_ms, self.period_ms, self.offset_ms)
    }

    /// The starts that are ≤ t and > t − size.
    #[inline]
    fn assign(&self, at: Timestamp) -> WindowSet {
        let since = (at.millis() - self.offset_ms).rem_euclid(self.period_ms);
        let count = if since < self.size_ms { (self.size_ms - since + self.period_ms - 1) / self.period_ms } else { 0 };
        let first = at.saturating_add_millis(-since - (count.max(1) - 1) * self.period_ms);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        WindowSet::run(Window::new(first, first.saturating_add_millis(self.size_ms)), self.period_ms, count)
    }

    /// The earliest window that holds `main_max`; between windows, the latest that starts before it.
    fn side_window(&self, main_max: Timestamp) -> Window {
        self.assign(main_max).first()
    }
}
