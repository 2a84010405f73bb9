//! The side columns of a bundle.

use serde::{Deserialize, Serialize};

use super::Column;
use crate::window::WindowSet;
use crate::{Pane, Timestamp};

/// What belongs to one element beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementSides {
    /// Its event time.
    pub timestamp: Timestamp,
    /// The windows it lies in.
    pub windows: WindowSet,
    /// The emission it belongs to.
    pub pane: Pane,
}

impl ElementSides {
    /// At `timestamp`, in the global window, never grouped: as sources make elements.
    pub const fn at(timestamp: Timestamp) -> Self {
        ElementSides { timestamp, windows: WindowSet::GLOBAL, pane: Pane::UNGROUPED }
    }
}

/// Timestamps, windows and panes of a bundle's elements.
#[derive(Clone, Debug)]
pub struct Sides {
    timestamps: Column<Timestamp>,
    windows: Column<WindowSet>,
    panes: Column<Pane>,
}

impl Sides {
    /// The timestamps.
    pub fn timestamps(&self) -> &Column<Timestamp> {
        &self.timestamps
    }

    /// The windows.
    pub fn windows(&self) -> &Column<WindowSet> {
        &self.windows
    }

    /// The panes.
    pub fn panes(&self) -> &Column<Pane> {
        &self.panes
    }

    /// The timestamps, to replace.
    pub fn timestamps_mut(&mut self) -> &mut Column<Timestamp> {
        &mut self.timestamps
    }

    /// The windows, to replace.
    pub fn windows_mut(&mut self) -> &mut Column<WindowSet> {
        &mut self.windows
    }

    /// The panes, to replace.
    pub fn panes_mut(&mut self) -> &mut Column<Pane> {
        &mut self.panes
    }

    /// The timestamps, and the windows to replace by them.
    pub fn timestamps_and_windows_mut(&mut self) -> (&Column<Timestamp>, &mut Column<WindowSet>) {
        (&self.timestamps, &mut self.windows)
    }

    /// The side values of element `i`.
    #[inline]
    pub fn get(&self, i: usize) -> ElementSides {
        ElementSides { timestamp: self.timestamps.get(i), windows: self.windows.get(i), pane: self.panes.get(i) }
    }

    /// Whether all elements share all side values.
    pub fn all_constant(&self) -> bool {
        self.timestamps.constant().is_some() && self.windows.constant().is_some() && self.panes.constant().is_some()
    }

    pub(super) fn clear(&mut self) {
        self.timestamps.clear();
        self.windows.clear();
        self.panes.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, len: usize, sides: ElementSides) {
        self.push_many(len, 1, sides);
    }

    #[inline]
    pub(super) fn push_many(&mut self, len: usize, more: usize, sides: ElementSides) {
        self.timestamps.push_many(len, more, sides.timestamp);
        self.windows.push_many(len, more, sides.windows);
        self.panes.push_many(len, more, sides.pane);
    }

    pub(super) fn append(&mut self, len: usize, other: &mut Sides, more: usize) {
        self.timestamps.append(len, &mut other.timestamps, more);
        self.windows.append(len, &mut other.windows, more);
        self.panes.append(len, &mut other.panes, more);
    }

    /// Appends each element's side values to those that `places` names for it; `lens` says how many each has, and how many more come.
    pub(super) fn scatter(&self, places: &[u8], lens: &[(usize, usize)], into: &mut [&mut Sides]) {
        self.timestamps.scatter(places, lens, into.iter_mut().map(|sides| &mut sides.timestamps));
        self.windows.scatter(places, lens, into.iter_mut().map(|sides| &mut sides.windows));
        self.panes.scatter(places, lens, into.iter_mut().map(|sides| &mut sides.panes));
    }

    /// Appends the side values of `other`, those of its element i `times[i]` times in a row: `more` in all.
    pub(super) fn append_times(&mut self, len: usize, other: &mut Sides, times: &[usize], more: usize) {
        self.timestamps.append_times(len, &mut other.timestamps, times, more);
        self.windows.append_times(len, &mut other.windows, times, more);
        self.panes.append_times(len, &mut other.panes, times, more);
    }

    pub(super) fn split_off(&mut self, at: usize, _len: usize) -> Sides {
        Sides {
            timestamps: self.timestamps.split_off(at),
            windows: self.windows.split_off(at),
            panes: self.panes.split_off(at),
        }
    }

    pub(super) fn retain_mask(&mut self, mask: &[bool]) {
        self.timestamps.retain_mask(mask);
        self.windows.retain_mask(mask);
        self.panes.retain_mask(mask);
    }
}

impl Default for Sides {
    fn default() -> Self {
        Sides {
            timestamps: Column::one(Timestamp::MIN),
            windows: Column::one(WindowSet::GLOBAL),
            panes: Column::one(Pane::UNGROUPED),
        }
    }
}
