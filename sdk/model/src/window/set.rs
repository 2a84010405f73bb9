//! The windows of one element, as a compact range.

use serde::{Deserialize, Serialize};

use super::Window;
use crate::Timestamp;

/// The windows that one element lies in: one, or a run of equally spaced ones.
///
/// Sliding windows stay a range until someone observes a window, so that a value is not cloned
/// once per window on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WindowSet {
    first: Window,
    period_ms: i64,
    count: u32,
}

impl WindowSet {
    /// Just the global window.
    pub const GLOBAL: WindowSet = WindowSet::one(Window::GLOBAL);

    /// Just `window`.
    pub const fn one(window: Window) -> Self {
        WindowSet { first: window, period_ms: 0, count: 1 }
    }

    /// `count` windows, each `period_ms` after the one before; ends are clipped to the global window's.
    pub const fn run(first: Window, period_ms: i64, count: u32) -> Self {
        WindowSet { first, period_ms, count }
    }

    /// How many windows there are; 0 means that the element belongs nowhere and is dropped at assignment.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether the element lies in no window.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The earliest window.
    pub const fn first(&self) -> Window {
        self.first
    }

    /// How far the window after `first` starts behind it; says nothing of a single window.
    pub(crate) const fn period_ms(&self) -> i64 {
        self.period_ms
    }

    /// The window, if there is exactly one.
    pub fn single(&self) -> Option<Window> {
        (self.count == 1).then_some(self.first)
    }

    /// The windows, earliest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Window> + use<> {
        let Self { first, period_ms, count } = *self;
        (0..count).map(move |i| {
            let by = period_ms.saturating_mul(i64::from(i));
            let shift = |at: Timestamp| at.saturating_add_millis(by);
            Window { start: shift(first.start), end: shift(first.end).min(Window::LAST_END), tag: first.tag }
        })
    }
}

impl From<Window> for WindowSet {
    fn from(window: Window) -> Self {
        WindowSet::one(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Such a set comes out of damaged bytes.
    #[test]
    fn windows_beyond_the_end_of_time_are_clipped() {
        let set = WindowSet::run(Window::GLOBAL, i64::MAX, 3);
        assert!(set.iter().all(|window| window.end == Window::LAST_END));
        assert_eq!(set.iter().last().map(|window| window.start.millis()), Some(i64::MAX + Timestamp::MIN.millis()));
    }
}
