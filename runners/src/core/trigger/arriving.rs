//! A bundle comes in: what is too late is dropped, and the rest finds its windows (SEMANTICS §4, §5).

use std::mem::{replace, take};

use purlin_model::bundle::{AnyBundle, Column, ElementSides};
use purlin_model::kernel::KeyId;
use purlin_model::window::{Window, WindowSet};
use purlin_model::{DropCause, Pane, Timestamp};

use super::TriggerMachine;
use super::holds::{assigned, combined};
use super::merging::Arrival;
use super::tree::{At, ROOT, Wishes};
use super::windows::Slot;

/// Memory that is used anew for each bundle.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) keys: Vec<KeyId>,
    /// The (key, window)s that got elements, in the order of their first one.
    pub(super) touched: Vec<Slot>,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) windows: Vec<Window>,
    pub(super) parts: Vec<u64>,
    pub(super) wishes: Wishes,
}

/// The bundle's timestamps and windows, element by element.
pub(super) struct Arriving {
    pub(super) keys: Vec<KeyId>,
    pub(super) timestamps: Column<Timestamp>,
    pub(super) windows: Column<WindowSet>,
    pub(super) panes: Column<Pane>,
}

/// One element on its way into a window.
#[derive(Clone, Copy)]
pub(super) struct Joining {
    /// Its place in the bundle.
    pub(super) element: usize,
    pub(super) key: KeyId,
    pub(super) timestamp: Timestamp,
    pub(super) pane: Pane,
}

impl Arriving {
    #[inline]
    pub(super) fn joining(&self, element: usize) -> Joining {
        let (timestamp, pane) = (self.timestamps.get(element), self.panes.get(element));
        Joining { element, key: self.keys[element], timestamp, pane }
    }
}

impl TriggerMachine {
    /// Moves the elements into the cells of their windows; returns the (key, window)s that got some.
    pub(super) fn take_in(&mut self, bundle: &mut dyn AnyBundle) -> Vec<Slot> {
        // The store keeps the values only, so the side columns are taken out first.
        let timestamps = replace(bundle.sides_mut().timestamps_mut(), Column::one(Timestamp::MIN));
        let windows = replace(bundle.sides_mut().windows_mut(), Column::one(WindowSet::GLOBAL));
        let panes = replace(bundle.sides_mut().panes_mut(), Column::one(Pane::UNGROUPED));
        let mut keys = take(&mut self.scratch.keys);
        self.store.take_in(bundle, &mut keys);
        let bundle = Arriving { keys, timestamps, windows, panes };

        let dropped_before = self.drops.late + self.drops.closed;
        if self.tree.merging {
            self.arrive_merging(&bundle);
        } else {
            self.arrive(&bundle);
        }
        // Only a key whose every element lies in no window or was dropped can be without one.
        let any_windowless = bundle.windows.as_slice().iter().any(WindowSet::is_empty);
        if any_windowless || self.drops.late + self.drops.closed > dropped_before {
            for key in &bundle.keys {
                if self.windows.has_none(*key) {
                    self.store.forget(*key);
                }
            }
        }
        self.scratch.keys = bundle.keys;
        take(&mut self.scratch.touched)
    }

    pub(super) fn put_back(&mut self, mut touched: Vec<Slot>) {
        touched.clear();
        self.scratch.touched = touched;
    }

    /// Each element goes to its own windows. Elements mostly come for the window of their neighbour, so that is tried first.
    fn arrive(&mut self, bundle: &Arriving) {
        let mut latest: Option<(KeyId, Window, Slot)> = None;
        for (element, key) in bundle.keys.iter().enumerate() {
            let joining = bundle.joining(element);
            let windows = bundle.windows.get(element).iter();
            let mut left = windows.len();
            for window in windows {
                left -= 1;
                if self.is_late(joining, window) {
                    continue;
                }
                let slot = match latest {
                    Some((same_key, same, slot)) if same == window && same_key == *key => slot,
                    _ => self.windows.find_or_insert(*key, window),
                };
                latest = Some((*key, window, slot));
                self.join(slot, joining, left == 0);
            }
        }
    }

    /// Drops and counts an element of an expired window.
    #[inline]
    pub(super) fn is_late(&mut self, joining: Joining, window: Window) -> bool {
        let late = window.gc(self.windowing.lateness_ms()) < self.clock.watermark;
        if late {
            self.drop(joining, window, DropCause::Late);
        }
        late
    }

    fn drop(&mut self, joining: Joining, window: Window, cause: DropCause) {
        self.drops.count(cause);
        if let Some(kept) = &mut self.drops.kept {
            let Joining { element, key, timestamp, pane } = joining;
            let sides = ElementSides { timestamp, windows: WindowSet::one(window), pane };
            self.store.drop_into(key, element, cause, sides, &mut **kept);
        }
    }

    /// Adds a waiting element to a window, unless that is closed. `last` says that it goes to no further one.
    #[inline]
    pub(super) fn join(&mut self, slot: Slot, joining: Joining, last: bool) {
        if !self.windows[slot].active {
            return self.drop(joining, self.windows[slot].window, DropCause::Closed);
        }
        let window_max = self.windows[slot].window.max_timestamp();
        let hold_at = assigned(self.windowing.timestamp_combiner, joining.timestamp, window_max);
        let can_hold = self.can_hold(hold_at, window_max);
        let held = &mut self.windows[slot];
        if can_hold {
            let combiner = self.windowing.timestamp_combiner;
            held.hold.elements = combined(combiner, held.hold.elements, Some(hold_at));
        } else {
            held.hold.at_gc = true;
        }
        if held.arrived == 0 {
            self.scratch.touched.push(slot);
        }
        held.arrived += 1;
        let cell = *held.cell.get_or_insert_with(|| self.store.new_cell());
        self.store.add(joining.element, cell, last);
    }

    /// Whether the output watermark can still be held at `at`, and a firing at the end of the window will release it.
    #[inline]
    pub(super) fn can_hold(&self, at: Timestamp, window_max: Timestamp) -> bool {
        at >= self.output_watermark && window_max >= self.clock.watermark
    }

    /// Tells a window's trigger of the elements that came with this bundle.
    pub(super) fn feed(&mut self, slot: Slot) {
        let held = &mut self.windows[slot];
        let count = u64::from(take(&mut held.arrived));
        held.has_new = true;
        let at = At { tree: &self.tree, clock: self.clock, window_max: held.window.max_timestamp() };
        at.on_elements(ROOT, self.windows.state_mut(slot), count, &mut self.scratch.wishes);
        self.grant_wishes(slot);
    }
}
