//! Dropped elements, counted by cause (SEMANTICS §4).

use purlin_model::Timestamp;
use purlin_model::window::Window;

/// Why an element was dropped from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropCause {
    /// The watermark is past the window's last timestamp and allowed lateness.
    Late,
    /// The window's trigger has finished.
    Closed,
}

/// One element that was dropped from one of its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Why.
    pub cause: DropCause,
    /// The element's.
    pub timestamp: Timestamp,
    /// The window; after merging, where the trigger had finished.
    pub window: Window,
}

/// How many (element, window) pairs were dropped.
#[derive(Clone, Debug, Default)]
pub struct Drops {
    /// Too late.
    pub late: u64,
    /// Into windows whose trigger had finished.
    pub closed: u64,
    recorded: Option<Vec<Dropped>>,
}

impl Drops {
    pub(super) fn record(&mut self) {
        self.recorded.get_or_insert_default();
    }

    pub(super) fn add(&mut self, cause: DropCause, timestamp: Timestamp, window: Window) {
        match cause {
            DropCause::Late => self.late += 1,
            DropCause::Closed => self.closed += 1,
        }
        if let Some(recorded) = &mut self.recorded {
            recorded.push(Dropped { cause, timestamp, window });
        }
    }

    pub(super) fn take_recorded(&mut self) -> Vec<Dropped> {
        self.recorded.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
