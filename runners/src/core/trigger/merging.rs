//! Windows of one key grow together (SEMANTICS §2, §4, §5, §6).
//!
//! Once per bundle and key: the function sees the key's active windows and the windows of its new elements, which
//! have no state yet, and says which become one. Then each element joins what its own window has become.

use std::mem::take;

use purlin_model::Timestamp;
use purlin_model::kernel::KeyId;
use purlin_model::window::{Merged, TimestampCombiner, Window};

use super::TriggerMachine;
use super::arriving::Arriving;
use super::holds::{Hold, combined};
use super::panes::Panes;
use super::tree::{At, ROOT};
use super::windows::Slot;

/// An element in one of its windows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival {
    key: KeyId,
    window: Window,
    element: u32,
}

impl TriggerMachine {
    /// Each element goes to what its windows have become: twice to one, if two of them have become that. Whether they had become it
    /// before or will only do so with a later bundle cannot make a difference.
    pub(super) fn arrive_merging(&mut self, bundle: &Arriving) {
        let mut arrivals = take(&mut self.scratch.arrivals);
        let mut in_one_window = true;
        for (element, key) in bundle.keys.iter().enumerate() {
            let windows = bundle.windows.get(element);
            in_one_window &= windows.len() <= 1;
            for window in windows.iter() {
                if !self.is_late(bundle.joining(element), window) {
                    arrivals.push(Arrival { key: *key, window, element: element as u32 });
                }
            }
        }
        arrivals.sort_unstable();
        for of_key in arrivals.chunk_by_mut(|a, b| a.key == b.key) {
            self.merge_windows(of_key);
            if !in_one_window {
                of_key.sort_unstable();
            }
            let mut latest: Option<(Arrival, Slot)> = None;
            for arrival in of_key {
                let slot = match latest {
                    Some((neighbour, slot)) if neighbour.window == arrival.window => slot,
                    _ => self.windows.find_or_insert(arrival.key, arrival.window),
                };
                latest = Some((*arrival, slot));
                self.join(slot, bundle.joining(arrival.element as usize), in_one_window);
            }
        }
        arrivals.clear();
        self.scratch.arrivals = arrivals;
    }

    /// Merges the windows of a key with those of its new elements, which are sorted, and redirects these to the results.
    fn merge_windows(&mut self, arrivals: &mut [Arrival]) {
        let Some(Arrival { key, .. }) = arrivals.first().copied() else { return };
        let mut windows = take(&mut self.scratch.windows);
        windows.clear();
        windows.extend(self.windows.of(key).filter(|(_, slot)| self.windows[*slot].active).map(|(window, _)| window));
        let active = windows.len();
        for of_window in arrivals.chunk_by(|a, b| a.window == b.window) {
            let window = of_window[0].window;
            if windows[..active].binary_search(&window).is_err() {
                windows.push(window);
            }
        }
        // The active ones alone were merged when the last of them came.
        if windows.len() > active {
            windows.sort_unstable();
            let merges = self.windowing.function.merge(&windows);
            let mut redirected: Vec<(Window, Window)> = Vec::new();
            for merged in &merges {
                self.merge(key, merged);
                redirected.extend(merged.parts.iter().map(|part| (*part, merged.result)));
            }
            redirected.sort_unstable();
            for of_window in arrivals.chunk_by_mut(|a, b| a.window == b.window) {
                if let Ok(at) = redirected.binary_search_by(|(part, _)| part.cmp(&of_window[0].window)) {
                    of_window.iter_mut().for_each(|arrival| arrival.window = redirected[at].1);
                }
            }
        }
        self.scratch.windows = windows;
    }

    /// Makes one window of several: their elements, holds, counts and targets.
    fn merge(&mut self, key: KeyId, Merged { result, parts }: &Merged) {
        let is_active = |slot: &Slot| self.windows[*slot].active;
        let known = self.windows.find(key, *result);
        let mut active: Vec<Slot> = parts.iter().filter_map(|part| self.windows.find(key, *part)).collect();
        active.extend(known.filter(|_| !parts.contains(result)));
        active.retain(is_active);

        let mut states = take(&mut self.scratch.parts);
        states.clear();
        active.iter().for_each(|slot| states.extend_from_slice(self.windows.state(*slot)));
        let hold = self.merged_hold(*result, &active);
        let into = match (known, active.first()) {
            (Some(known), _) => known,
            (None, Some(grown)) => self.grow(*grown, *result),
            (None, None) => self.windows.find_or_insert(key, *result),
        };
        for from in active.into_iter().filter(|slot| *slot != into) {
            self.absorb(into, from);
        }

        let gc = result.gc(self.windowing.lateness_ms());
        let held = &mut self.windows[into];
        held.active = true;
        held.hold.elements = hold;
        held.hold.at_gc = gc >= self.clock.watermark;
        let at = At { tree: &self.tree, clock: self.clock, window_max: result.max_timestamp() };
        at.on_merge(ROOT, self.windows.state_mut(into), &states, &mut self.scratch.wishes);
        if self.tree.is_finished(self.windows.state(into)) {
            // These bounds stay closed: no pane will come that anyone could be held back for.
            self.close(into);
            let hold = &mut self.windows[into].hold;
            *hold = Hold { registered: hold.registered, ..Hold::default() };
        }
        self.scratch.parts = states;
        self.note_change(into);
        self.grant_wishes(into);
    }

    /// Gives an active window bounds that no window had. Panes, wake-ups and trigger start anew; elements stay.
    fn grow(&mut self, slot: Slot, result: Window) -> Slot {
        self.note_removal(slot);
        self.windows.rename(slot, result);
        self.windows.state_mut(slot).fill(0);
        let held = &mut self.windows[slot];
        held.panes = Panes::NONE;
        held.wakes_at_end = false;
        held.wakes.clear();
        slot
    }

    /// Moves the elements of `from` over and forgets it.
    fn absorb(&mut self, into: Slot, from: Slot) {
        self.windows[into].has_new |= self.windows[from].has_new;
        if let Some(cell) = self.windows[from].cell.take() {
            match self.windows[into].cell {
                Some(into) => self.store.merge(into, cell),
                None => self.windows[into].cell = Some(cell),
            }
        }
        self.holds.replace(self.windows[from].hold.registered, None);
        self.note_removal(from);
        self.windows.remove(from);
    }

    /// The hold of the elements of merged windows. One at the end of the window moves with that end, whatever the parts had.
    fn merged_hold(&self, result: Window, active: &[Slot]) -> Option<Timestamp> {
        let combiner = self.windowing.timestamp_combiner;
        if combiner == TimestampCombiner::EndOfWindow {
            let end = result.max_timestamp();
            return (!active.is_empty() && self.can_hold(end, end)).then_some(end);
        }
        active.iter().fold(None, |hold, slot| combined(combiner, hold, self.windows[*slot].hold.elements))
    }
}
