//! Windows: how event time is cut into finite pieces (SEMANTICS §2).
//!
//! A [`Window`] is a small `Copy` value; a [`WindowFn`] gives each timestamp its windows. The standard
//! functions are [`Fixed`], [`Sliding`], [`Sessions`] and [`Global`], and `Calendar` with the feature of that name; a user's own is any
//! type that implements [`WindowFn`]. How often a window's contents are emitted is the trigger's business.

mod by_element;
mod by_run;
#[cfg(feature = "calendar")]
mod calendar;
mod fixed;
mod function;
mod global;
mod merging;
mod sessions;
mod set;
mod sliding;
mod spec;

pub use by_element::ByElement;
#[cfg(feature = "calendar")]
pub use calendar::{Calendar, Weekday};
pub use fixed::Fixed;
pub use function::{Merged, WindowFn};
pub use global::Global;
pub use sessions::Sessions;
pub use set::WindowSet;
pub use sliding::Sliding;
pub use spec::{Accumulation, ClosingBehavior, OnTimeBehavior, TimestampCombiner, WindowSpec, Windowing};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A half-open interval of event time, `[start, end)`.
///
/// Two windows with the same bounds differ if their tags do: the tag is for a user's own [`WindowFn`]
/// (a tenant, a priority) and 0 in the standard ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first timestamp in the window.
    pub start: Timestamp,
    /// The first timestamp after the window.
    pub end: Timestamp,
    /// What a user's own window function tells its windows apart by.
    pub tag: u64,
}

impl Window {
    /// The one window of [`Global`]: all of event time.
    pub const GLOBAL: Window = Window { start: Timestamp::MIN, end: Self::LAST_END, tag: 0 };

    /// The name of the window function that gives it.
    pub(crate) const GLOBAL_NAME: &'static str = "global";

    /// No window ends later.
    pub(crate) const LAST_END: Timestamp = Timestamp::GLOBAL_MAX.saturating_add_millis(1);

    /// The window `[start, end)`, its end clipped to that of the global window.
    ///
    /// ```
    /// use purlin_model::{Timestamp, window::Window};
    /// let window = Window::new(Timestamp::from_millis(0), Timestamp::from_millis(60_000));
    /// assert_eq!(window.max_timestamp(), Timestamp::from_millis(59_999));
    /// ```
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Window { start, end: end.min(Self::LAST_END), tag: 0 }
    }

    /// The last timestamp in the window: `end − 1`.
    pub const fn max_timestamp(&self) -> Timestamp {
        self.end.saturating_add_millis(-1)
    }

    /// Whether `at` lies in the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether this is the global window.
    pub fn is_global(&self) -> bool {
        *self == Self::GLOBAL
    }

    /// The last timestamp at which the window is kept: `min(max + allowed lateness, global max)` (SEMANTICS §4).
    pub fn gc(&self, allowed_lateness_ms: i64) -> Timestamp {
        self.max_timestamp().saturating_add_millis(allowed_lateness_ms).min(Timestamp::GLOBAL_MAX)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_global() { f.write_str("GLOBAL") } else { write!(f, "[{}, {})", self.start, self.end) }
    }
}
