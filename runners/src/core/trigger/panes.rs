//! Pane information: which emission of its window a pane is (SEMANTICS §6).

use purlin_model::{Pane, Timestamp, Timing};

/// What was emitted so far of a (key, window).
#[derive(Clone, Copy)]
pub(super) struct Panes {
    emitted: u64,
    /// Of the last pane: −1 while there were only early ones.
    nonspeculative_index: i64,
}

impl Panes {
    /// Nothing yet.
    pub(super) const NONE: Panes = Panes { emitted: 0, nonspeculative_index: -1 };

    /// What the next pane would be. It counts only once it is [`emitted`](Self::emitted).
    pub(super) fn next(&self, window_max: Timestamp, input: Timestamp, output: Timestamp, last: bool) -> Pane {
        let timing = if output > window_max || self.nonspeculative_index >= 0 {
            Timing::Late
        } else if input <= window_max {
            Timing::Early
        } else {
            Timing::OnTime
        };
        let nonspeculative_index = if timing == Timing::Early { -1 } else { self.nonspeculative_index + 1 };
        Pane { timing, index: self.emitted, nonspeculative_index, first: self.emitted == 0, last }
    }

    /// How many, and the non-speculative index of the last one.
    pub(super) fn parts(&self) -> (u64, i64) {
        (self.emitted, self.nonspeculative_index)
    }

    pub(super) fn of_parts((emitted, nonspeculative_index): (u64, i64)) -> Panes {
        Panes { emitted, nonspeculative_index }
    }

    pub(super) fn emitted(&mut self, pane: Pane) {
        *self = Panes { emitted: pane.index + 1, nonspeculative_index: pane.nonspeculative_index };
    }
}
