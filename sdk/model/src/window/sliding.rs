//! Sliding (hopping) windows.

use std::time::Duration;

use super::{Window, WindowFn, WindowSet};
use crate::Timestamp;
use crate::bundle::Column;
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

    /// Gives the windows whose starts are ≤ t and > t − size. One division for each: they cost most of it.
    #[inline]
    fn assigning(&self) -> impl Fn(Timestamp) -> WindowSet + use<> {
        let Self { size_ms, period_ms, offset_ms } = *self;
        let (periods, rest_ms) = (size_ms / period_ms, size_ms % period_ms);
        move |at| {
            let since = (at.millis() - offset_ms).rem_euclid(period_ms);
            let count = periods + i64::from(since < rest_ms);
            let first = at.saturating_add_millis(-since - (count.max(1) - 1) * period_ms);
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            WindowSet::run(Window::new(first, first.saturating_add_millis(size_ms)), period_ms, count)
        }
    }
}

impl WindowFn for Sliding {
    fn name(&self) -> String {
        format!("sliding({} ms every {} ms + {} ms)", self.size_ms, self.period_ms, self.offset_ms)
    }

    #[inline]
    fn assign(&self, at: Timestamp) -> WindowSet {
        self.assigning()(at)
    }

    fn assign_all(&self, timestamps: &[Timestamp], windows: &mut Column<WindowSet>) {
        windows.refill(timestamps.iter().copied().map(self.assigning()));
    }

    /// The earliest window that holds `main_max`; between windows, the latest that starts before it.
    fn side_window(&self, main_max: Timestamp) -> Window {
        self.assign(main_max).first()
    }
}
