//! Dropped elements as data: what a grouping or a stateful transform could not take any more (SEMANTICS §4).

use serde::{Deserialize, Serialize};

/// Why an element was dropped from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DropCause {
    /// The watermark was past the window's last timestamp and the allowed lateness.
    Late,
    /// The window's trigger had finished.
    Closed,
}

/// An element that was dropped from one of its windows: it stands in a late-data output with its own timestamp, in that window.
///
/// An element of several windows may be dropped from some of them only; it is here once for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dropped<T> {
    /// The element as it came.
    pub element: T,
    /// Why it was dropped.
    pub cause: DropCause,
}
