//! Sets of windows as slices of one row of windows: what sliding windows give, and whatever else is spaced evenly.
//!
//! The windows of all sets are numbered from 0 on in the order of their time; each set is a stretch of those numbers. If no stretch lies
//! within another one, a window is a run of neighbouring slices, and the next window is that run moved on.

use std::ops::Range;

use crate::window::{Window, WindowSet};

/// A row of windows and its slices.
#[derive(Debug, PartialEq)]
pub(super) struct Slices {
    first: Window,
    period_ms: i64,
    /// The numbers of each slice's windows, and of its set, in the order of their windows.
    pub(super) slices: Vec<(Range<i64>, u32)>,
}

impl Slices {
    /// The slices of the sets with the numbers 0, 1, 2, …, none of which is empty; `None` where they are no slices of one row.
    pub(super) fn of(sets: &[WindowSet]) -> Option<Slices> {
        let period_ms = Some(sets.iter().find(|set| set.len() > 1)?.period_ms()).filter(|period_ms| *period_ms > 0)?;
        let first = sets.iter().map(WindowSet::first).min()?;
        let size_ms = first.end.millis().checked_sub(first.start.millis())?;
        let stretch = |set: &WindowSet| {
            let Window { start, end, tag } = set.first();
            let since = start.millis().checked_sub(first.start.millis())?;
            let others_last = period_ms.checked_mul(set.len() as i64 - 1)?;
            // Windows that the end of time clips are of another size.
            let is_whole = end.millis().checked_add(others_last)? <= Window::LAST_END.millis();
            let alike = tag == first.tag
                && end.millis().checked_sub(start.millis())? == size_ms
                && (set.len() == 1 || set.period_ms() == period_ms);
            let number = since / period_ms;
            (since % period_ms == 0 && is_whole && alike).then_some(number..number + set.len() as i64)
        };
        let numbered = |(set, number): (&WindowSet, u32)| Some((stretch(set)?, number));
        let mut slices: Vec<(Range<i64>, u32)> = sets.iter().zip(0..).map(numbered).collect::<Option<_>>()?;
        slices.sort_unstable_by_key(|(windows, set)| (windows.start, windows.end, *set));
        slices.is_sorted_by_key(|(windows, _)| windows.end).then_some(Slices { first, period_ms, slices })
    }

    /// The window of this number, which lies in a slice.
    #[inline]
    pub(super) fn window(&self, number: i64) -> Window {
        let by = number * self.period_ms;
        let Window { start, end, tag } = self.first;
        Window { start: start.saturating_add_millis(by), end: end.saturating_add_millis(by), tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::{Sliding, WindowFn};
    use crate::{Timestamp, milliseconds};

    fn window(start: i64, end: i64) -> Window {
        Window::new(Timestamp::from_millis(start), Timestamp::from_millis(end))
    }

    #[test]
    fn sliding_windows_are_slices_whatever_their_size_and_period() {
        for (size, period, offset) in [(10, 5, 0), (10, 3, 1), (7, 7, 2), (3, 5, 0), (20, 1, 0)] {
            let sliding = Sliding::of(milliseconds(size)).every(milliseconds(period)).offset(milliseconds(offset));
            let mut sets: Vec<WindowSet> =
                (-50..50).rev().map(|at| sliding.assign(Timestamp::from_millis(at))).collect();
            sets.retain(|set| !set.is_empty());
            sets.dedup();
            let Some(slices) = Slices::of(&sets) else {
                assert!(sets.iter().all(|set| set.len() == 1), "{sliding:?}");
                continue;
            };
            for (windows, set) in &slices.slices {
                let found: Vec<Window> = windows.clone().map(|number| slices.window(number)).collect();
                assert_eq!(found, sets[*set as usize].iter().collect::<Vec<_>>(), "{sliding:?}");
            }
        }
    }

    #[test]
    fn what_is_spaced_unevenly_is_not() {
        let run = |start, end, count| WindowSet::run(window(start, end), 10, count);
        let even = [run(0, 30, 3), run(20, 50, 2)];
        assert_eq!(Slices::of(&even).map(|slices| slices.slices), Some(vec![(0..3, 0), (2..4, 1)]));
        assert_eq!(Slices::of(&[even[0], run(25, 55, 2)]), None, "beside the row");
        assert_eq!(Slices::of(&[even[0], run(20, 40, 2)]), None, "of another size");
        assert_eq!(Slices::of(&[even[0], run(10, 40, 1)]), None, "within another");
        assert_eq!(Slices::of(&[even[0], WindowSet::run(window(20, 50), 20, 2)]), None, "of another period");
        assert_eq!(Slices::of(&[WindowSet::run(window(0, 10), 0, 2)]), None, "all in one place");
        assert_eq!(Slices::of(&[WindowSet::run(Window::GLOBAL, 10, 2)]), None, "beyond the end of time");
        assert_eq!(Slices::of(&[even[0].first().into()]), None, "windows that do not overlap");
    }
}
