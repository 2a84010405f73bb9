//! Pane information: which emission of its window an element is (SEMANTICS §6).

use serde::{Deserialize, Serialize};

/// When a pane was emitted, seen from the end of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Timing {
    /// Never grouped.
    Unknown,
    /// Before the watermark passed the end of the window.
    Early,
    /// The one when it passed.
    OnTime,
    /// After that.
    Late,
}

/// Which emission of its window an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pane {
    /// Seen from the end of the window.
    pub timing: Timing,
    /// Counts the panes of the window from 0.
    pub index: u64,
    /// Counts the panes that are not early from 0; −1 in early ones.
    pub nonspeculative_index: i64,
    /// The first pane of the window.
    pub first: bool,
    /// No pane follows.
    pub last: bool,
}

impl Pane {
    /// The pane of an element that was never grouped.
    pub const UNGROUPED: Pane =
        Pane { timing: Timing::Unknown, index: 0, nonspeculative_index: 0, first: true, last: true };

    /// The only pane of a window that fires once, at its end.
    pub const ON_TIME_AND_ONLY: Pane =
        Pane { timing: Timing::OnTime, index: 0, nonspeculative_index: 0, first: true, last: true };
}
