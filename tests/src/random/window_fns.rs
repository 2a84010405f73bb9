//! Window functions as users write them: one that gives a list of windows, one that merges and tells windows apart by tag.

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
