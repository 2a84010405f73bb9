//! Window functions as users write them: one that gives a list of windows, one whose sets of windows lie within one another, one that merges
//! and tells windows apart by tag.

use purlin::prelude::*;
use purlin::window::{Merged, Window, WindowSet};

/// Every element lies in a window of `size` and in one of three times that.
#[derive(Debug)]
pub(crate) struct TwoSizes {
    pub(crate) size: i64,
}

impl TwoSizes {
    fn window(&self, at: Timestamp, times: i64) -> Window {
        let size = self.size * times;
        let start = at.millis().div_euclid(size) * size;
        Window::new(Timestamp::from_millis(start), Timestamp::from_millis(start + size))
    }
}

impl WindowFn for TwoSizes {
    fn name(&self) -> String {
        format!("two sizes({})", self.size)
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        self.window(at, 1).into()
    }

    fn assign_many(&self, at: Timestamp, into: &mut Vec<Window>) -> bool {
        into.extend([self.window(at, 1), self.window(at, 3)]);
        true
    }
}

/// Windows of five periods, one every period: some elements lie in all five that hold them, the others in two of these.
#[derive(Debug)]
pub(crate) struct Uneven {
    pub(crate) period: i64,
}

impl WindowFn for Uneven {
    fn name(&self) -> String {
        format!("uneven({})", self.period)
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        let number = at.millis().div_euclid(self.period);
        let (first, count) = if number % 2 == 0 { (number - 4, 5) } else { (number - 2, 2) };
        let start = Timestamp::from_millis(first * self.period);
        let end = Timestamp::from_millis((first + 5) * self.period);
        WindowSet::run(Window::new(start, end), self.period, count)
    }
}

/// Sessions apart for odd and even times.
#[derive(Debug)]
pub(crate) struct TaggedSessions {
    pub(crate) gap: i64,
}

impl WindowFn for TaggedSessions {
    fn name(&self) -> String {
        format!("tagged sessions({})", self.gap)
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        let window = Window::new(at, Timestamp::from_millis(at.millis() + self.gap));
        Window { tag: at.millis().rem_euclid(2) as u64, ..window }.into()
    }

    fn is_merging(&self) -> bool {
        true
    }

    fn merge(&self, windows: &[Window]) -> Vec<Merged> {
        Merged::overlapping(windows)
    }
}
