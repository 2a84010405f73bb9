//! Windows are asked, fire and expire (SEMANTICS §4, §5, §6).

use std::mem::take;

use purlin_model::bundle::{AnyBundle, ElementSides};
use purlin_model::window::{ClosingBehavior, OnTimeBehavior, WindowSet};
use purlin_model::{Timestamp, Timing};

use super::TriggerMachine;
use super::panes::Panes;
use super::timers::{Domain, NEVER};
use super::tree::{At, Clock, ROOT};
use super::windows::Slot;

impl TriggerMachine {
    /// Wakes each (key, window) with a timer before `now_ms` once; `false` if the budget did not suffice.
    pub(super) fn wake_due(
        &mut self,
        domain: Domain,
        now_ms: i64,
        budget: &mut usize,
        out: &mut dyn AnyBundle,
    ) -> bool {
        while let Some((queued_ms, entry)) = self.timers.first(domain) {
            let live =
                self.windows.live(entry).filter(|slot| self.windows[*slot].queued_ms[domain as usize] == queued_ms);
            if queued_ms >= now_ms && live.is_some() {
                break;
            }
            if *budget == 0 {
                return false;
            }
            self.timers.pop(domain);
            let Some(slot) = live else { continue };
            *budget -= 1;
            self.windows[slot].queued_ms[domain as usize] = NEVER;
            if self.next_wake(slot, domain) < now_ms {
                self.note_change(slot);
                self.forget_wakes(slot, domain);
                self.wake(slot, domain, out);
            }
            if self.windows.live(entry).is_some() {
                self.queue(slot);
            }
        }
        true
    }

    /// A timer of the window has come. What is done depends on the clocks only, so leaps wake a window once.
    fn wake(&mut self, slot: Slot, domain: Domain, out: &mut dyn AnyBundle) {
        if self.gc_of(slot) < self.clock.watermark {
            // A processing-time timer of an expired window is ignored; the watermark's own wake-up is on its way.
            if domain == Domain::Event {
                self.expire(slot, out);
            }
        } else if self.windows[slot].active {
            self.ask(slot, out);
        }
    }

    /// Fires if the trigger says so.
    pub(super) fn ask(&mut self, slot: Slot, out: &mut dyn AnyBundle) {
        let at = At { tree: &self.tree, clock: self.clock, window_max: self.windows[slot].window.max_timestamp() };
        let state = self.windows.state_mut(slot);
        if !at.should_fire(ROOT, state) {
            return;
        }
        at.on_fire(ROOT, state);
        let finished = self.tree.is_finished(state);
        if finished {
            at.clear(ROOT, state);
        }
        self.emit(slot, finished, out);
        if finished {
            self.close(slot);
        } else {
            let mut wakes = take(&mut self.windows[slot].wakes);
            wakes.retain(|wake| self.tree.wants(self.windows.state(slot), *wake));
            self.windows[slot].wakes = wakes;
        }
    }

    /// Emits a pane if one is due: new elements, or an empty pane that is always wanted. Either way the holds clear.
    fn emit(&mut self, slot: Slot, last: bool, out: &mut dyn AnyBundle) {
        let gc = self.gc_of(slot);
        let windowing = &self.windowing;
        let held = &mut self.windows[slot];
        let window_max = held.window.max_timestamp();
        let timestamp = held.hold.elements.take().unwrap_or(window_max).min(window_max);
        held.hold.at_gc = !last && windowing.closing == ClosingBehavior::Always && gc >= self.clock.watermark;

        let pane = held.panes.next(window_max, self.clock.watermark, self.output_watermark, last);
        let wanted_empty = pane.timing == Timing::OnTime && windowing.on_time == OnTimeBehavior::Always
            || last && windowing.closing == ClosingBehavior::Always;
        if take(&mut held.has_new) || wanted_empty {
            held.panes.emitted(pane);
            let keep = windowing.is_accumulating() && !last;
            let sides = ElementSides { timestamp, windows: WindowSet::one(held.window), pane };
            self.store.emit(held.key, held.cell, keep, sides, out);
            if !keep {
                held.cell_is_new();
            }
        }
        self.register_hold(slot);
    }

    /// The trigger has finished: only that is still known of the window, until gc.
    pub(super) fn close(&mut self, slot: Slot) {
        let held = &mut self.windows[slot];
        held.active = false;
        held.panes = Panes::NONE;
        held.wakes.clear();
        held.cell_is_new();
        if let Some(cell) = held.cell.take() {
            self.store.free(cell);
        }
    }

    /// The watermark is past gc: the closing pane, and then the window is gone.
    fn expire(&mut self, slot: Slot, out: &mut dyn AnyBundle) {
        if self.windows[slot].active {
            self.emit(slot, true, out);
        }
        let held = &mut self.windows[slot];
        let key = held.key;
        if let Some(cell) = held.cell.take() {
            self.store.free(cell);
        }
        self.holds.replace(held.hold.registered.take(), None);
        self.note_expiry(slot);
        self.windows.remove(slot);
        if self.windows.has_none(key) {
            self.store.forget(key);
        }
    }

    /// Takes up what a trigger asked for, and what elements changed of the window's hold.
    pub(super) fn grant_wishes(&mut self, slot: Slot) {
        let held = &mut self.windows[slot];
        held.wakes_at_end |= take(&mut self.scratch.wishes.end_of_window);
        for wake in self.scratch.wishes.processing.drain(..) {
            if !held.wakes.contains(&wake) {
                held.wakes.push(wake);
            }
        }
        self.queue(slot);
        self.register_hold(slot);
    }

    pub(super) fn register_hold(&mut self, slot: Slot) {
        let gc = self.gc_of(slot);
        let hold = &mut self.windows[slot].hold;
        let after = hold.elements.or(hold.at_gc.then_some(gc));
        self.holds.replace(std::mem::replace(&mut hold.registered, after), after);
    }

    /// Puts a window into the queues in which it does not stand early enough.
    pub(super) fn queue(&mut self, slot: Slot) {
        for domain in Domain::ALL {
            let next_ms = self.next_wake(slot, domain);
            if next_ms < self.windows[slot].queued_ms[domain as usize] {
                self.windows[slot].queued_ms[domain as usize] = next_ms;
                self.timers.insert(domain, next_ms, self.windows.entry(slot));
            }
        }
    }

    fn next_wake(&self, slot: Slot, domain: Domain) -> i64 {
        let held = &self.windows[slot];
        match domain {
            Domain::Event if held.wakes_at_end => held.window.max_timestamp().millis(),
            Domain::Event => self.gc_of(slot).millis(),
            _ => held.wakes.iter().filter(|(of, _)| *of == domain).map(|(_, at)| *at).min().unwrap_or(NEVER),
        }
    }

    /// Timers that have come do not come again. Both kinds of processing time move together, and wake a window once.
    fn forget_wakes(&mut self, slot: Slot, domain: Domain) {
        let Clock { now_ms, synchronized_ms, .. } = self.clock;
        let held = &mut self.windows[slot];
        match domain {
            Domain::Event => held.wakes_at_end = false,
            Domain::Processing | Domain::Synchronized => {
                held.wakes.retain(|(of, at)| *at >= if *of == Domain::Processing { now_ms } else { synchronized_ms })
            }
        }
    }

    pub(super) fn gc_of(&self, slot: Slot) -> Timestamp {
        self.windows[slot].window.gc(self.windowing.lateness_ms())
    }
}
