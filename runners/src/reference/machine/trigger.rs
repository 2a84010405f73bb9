//! The state of one window's trigger (SEMANTICS §7): a tree with a finished bit, and little else, per node.
//!
//! Four events reach a tree: an element came, windows merged, "would you fire?", and "you fire now". Nothing but a
//! firing and a merge changes finished bits.

use purlin_model::window::Window;
use purlin_model::{TimeTransform, Trigger};

use super::clock::Clock;
use super::timers::Timers;

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) struct TriggerState {
    rule: Rule,
    finished: bool,
    parts: Vec<TriggerState>,
}

#[derive(Clone, Debug)]
enum Rule {
    Default,
    Never,
    /// AfterWatermark without early and late firings.
    EndOfWindow,
    /// AfterWatermark with parts `[early]` or `[early, late]`; the early one is `Never` where there is none.
    EarlyAndLate,
    Count {
        wanted: u64,
        seen: u64,
    },
    Delay {
        domain: Domain,
        transforms: Vec<TimeTransform>,
        target_ms: Option<i64>,
    },
    Each,
    First,
    All,
    OrFinally,
    Repeatedly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Processing,
    Synchronized,
}

/// What a trigger sees of the world.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) window: Window,
    pub(super) merging: bool,
    pub(super) clock: &'a Clock,
}

impl View<'_> {
    fn end_of_window_reached(&self) -> bool {
        self.clock.input > self.window.max_timestamp()
    }

    fn now_ms(&self, domain: Domain) -> i64 {
        match domain {
            Domain::Processing => self.clock.processing_ms,
            Domain::Synchronized => self.clock.synchronized_ms,
        }
    }
}

impl TriggerState {
    pub(super) fn new(trigger: &Trigger) -> Self {
        let all = |triggers: &[Trigger]| triggers.iter().map(TriggerState::new).collect();
        let delay = |domain, transforms: &[TimeTransform]| Rule::Delay {
            domain,
            transforms: transforms.to_vec(),
            target_ms: None,
        };
        let (rule, parts) = match trigger {
            Trigger::Default => (Rule::Default, vec![]),
            Trigger::Never => (Rule::Never, vec![]),
            Trigger::AfterWatermark { early: None, late: None } => (Rule::EndOfWindow, vec![]),
            Trigger::AfterWatermark { early, late } => {
                let early = early.as_deref().unwrap_or(&Trigger::Never);
                let parts = [early].into_iter().chain(late.as_deref());
                (Rule::EarlyAndLate, parts.map(TriggerState::new).collect())
            }
            Trigger::AfterProcessingTime { transforms } => (delay(Domain::Processing, transforms), vec![]),
            Trigger::AfterSynchronizedProcessingTime => (delay(Domain::Synchronized, &[]), vec![]),
            Trigger::AfterCount(wanted) => (Rule::Count { wanted: *wanted, seen: 0 }, vec![]),
            Trigger::AfterEach(parts) => (Rule::Each, all(parts)),
            Trigger::AfterFirst(parts) => (Rule::First, all(parts)),
            Trigger::AfterAll(parts) => (Rule::All, all(parts)),
            Trigger::OrFinally(main, until) => {
                (Rule::OrFinally, vec![TriggerState::new(main), TriggerState::new(until)])
            }
            Trigger::Repeatedly(inner) => (Rule::Repeatedly, vec![TriggerState::new(inner)]),
            unknown => unreachable!("the reference runner does not know the trigger {unknown}"),
        };
        TriggerState { rule, finished: false, parts }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// An element has come.
    pub(super) fn on_element(&mut self, view: View<'_>, timers: &mut Timers) {
        match &mut self.rule {
            Rule::Never => {}
            Rule::Default | Rule::EndOfWindow => timers.end_of_window |= !view.end_of_window_reached(),
            Rule::Count { seen, .. } => *seen += 1,
            Rule::Delay { domain, transforms, target_ms } => {
                if target_ms.is_none() {
                    let target = delayed(view.clock.processing_ms, transforms);
                    *target_ms = Some(target);
                    set_timer(*domain, target, timers);
                }
            }
            Rule::EarlyAndLate | Rule::Each => {
                if matches!(self.rule, Rule::EarlyAndLate) {
                    timers.end_of_window |= !view.end_of_window_reached();
                }
                // A merge may give an earlier part its turn back, so where windows merge all parts keep up.
                if view.merging {
                    self.parts.iter_mut().for_each(|part| part.on_element(view, timers));
                } else if let Some(current) = self.parts.iter_mut().find(|part| !part.finished) {
                    current.on_element(view, timers);
                }
            }
            Rule::All => {
                for part in self.parts.iter_mut().filter(|part| !part.finished) {
                    part.on_element(view, timers);
                }
            }
            Rule::First | Rule::OrFinally | Rule::Repeatedly => {
                self.parts.iter_mut().for_each(|part| part.on_element(view, timers));
            }
        }
    }

    /// Whether the trigger would fire now.
    pub(super) fn should_fire(&self, view: View<'_>) -> bool {
        let fires = |part: &TriggerState| part.should_fire(view);
        match &self.rule {
            Rule::Never => false,
            Rule::Default | Rule::EndOfWindow => view.end_of_window_reached(),
            Rule::Count { wanted, seen } => seen >= wanted,
            Rule::Delay { domain, target_ms, .. } => target_ms.is_some_and(|target| view.now_ms(*domain) > target),
            Rule::EarlyAndLate if !self.parts[0].finished => view.end_of_window_reached() || fires(&self.parts[0]),
            Rule::EarlyAndLate => self.parts.get(1).is_some_and(fires),
            Rule::Each => self.parts.iter().find(|part| !part.finished).is_some_and(fires),
            // A part keeps its finished bit when early or late firings start this trigger anew, and counts as firing then.
            Rule::First => self.parts.iter().any(|part| part.finished || fires(part)),
            Rule::OrFinally | Rule::Repeatedly => self.parts.iter().any(fires),
            Rule::All => self.parts.iter().all(|part| part.finished || fires(part)),
        }
    }

    /// The trigger fires. Only where it [would](Self::should_fire).
    pub(super) fn on_fire(&mut self, view: View<'_>) {
        match &mut self.rule {
            Rule::Default | Rule::Never => {}
            Rule::EndOfWindow => self.finished = true,
            Rule::Count { .. } | Rule::Delay { .. } => {
                self.clear();
                self.finished = true;
            }
            Rule::EarlyAndLate => self.fire_early_or_late(view),
            Rule::Each => {
                if let Some(current) = self.parts.iter_mut().find(|part| !part.finished) {
                    current.on_fire(view);
                }
                if view.merging {
                    self.parts.iter_mut().for_each(TriggerState::clear);
                }
                self.finished = self.parts.iter().all(|part| part.finished);
            }
            Rule::First => {
                for part in &mut self.parts {
                    // What a part that does not fire was counting belongs to the pane that is gone now.
                    if part.should_fire(view) { part.on_fire(view) } else { part.clear() }
                }
                self.finished = true;
            }
            Rule::All => {
                self.parts.iter_mut().for_each(|part| part.on_fire(view));
                self.finished = true;
            }
            Rule::OrFinally => {
                let (main, until) = self.parts.split_at_mut(1);
                if until[0].should_fire(view) {
                    until[0].on_fire(view);
                    main[0].clear();
                } else {
                    main[0].on_fire(view);
                }
                self.finished = self.parts.iter().any(|part| part.finished);
            }
            Rule::Repeatedly => {
                self.parts[0].on_fire(view);
                if self.parts[0].finished {
                    self.parts[0].reset();
                }
            }
        }
    }

    fn fire_early_or_late(&mut self, view: View<'_>) {
        let (early, late) = self.parts.split_at_mut(1);
        let (early, late) = (&mut early[0], late.first_mut());
        if early.finished {
            match late {
                Some(late) => {
                    late.on_fire(view);
                    late.clear();
                    late.finished = false;
                }
                None => self.finished = true,
            }
        } else if view.end_of_window_reached() {
            if early.should_fire(view) {
                early.on_fire(view);
            }
            early.clear();
            early.finished = true;
            match late {
                Some(late) => late.clear(),
                None => self.finished = true,
            }
        } else {
            early.on_fire(view);
            early.clear();
            early.finished = false;
        }
    }

    /// `merged`, the states of all active windows that have become this one, are brought together. Before it, this state is
    /// that of the window of the same bounds, or a new one.
    pub(super) fn on_merge(&mut self, merged: &[&TriggerState], view: View<'_>, timers: &mut Timers) {
        let in_all = merged.iter().all(|state| state.finished);
        let in_any = merged.iter().any(|state| state.finished);
        match &mut self.rule {
            Rule::Never => {}
            Rule::Default => timers.end_of_window |= !view.end_of_window_reached(),
            Rule::EndOfWindow => self.finished = in_all && view.end_of_window_reached(),
            Rule::Count { seen, .. } => {
                *seen = if in_any { 0 } else { merged.iter().map(|state| state.seen()).sum() };
                self.finished |= in_any;
            }
            Rule::Delay { domain, target_ms, .. } => {
                *target_ms = None;
                if !self.finished {
                    *target_ms = merged.iter().filter_map(|state| state.target_ms()).min();
                    target_ms.iter().for_each(|target| set_timer(*domain, *target, timers));
                }
            }
            Rule::EarlyAndLate => {
                let early_is_over = merged.iter().all(|state| state.parts[0].finished);
                if early_is_over && view.end_of_window_reached() {
                    self.parts[0].finished = true;
                    if self.parts.len() > 1 {
                        self.merge_part(1, merged, view, timers);
                    }
                } else {
                    self.merge_part(0, merged, view, timers);
                    self.parts[0].finished = false;
                    if let Some(late) = self.parts.get_mut(1) {
                        late.finished = false;
                        late.clear();
                    }
                }
            }
            Rule::Each => {
                let mut earlier_are_finished = true;
                for i in 0..self.parts.len() {
                    if earlier_are_finished {
                        self.merge_part(i, merged, view, timers);
                        earlier_are_finished = self.parts[i].finished;
                    } else {
                        self.parts[i].clear();
                    }
                }
                self.finished = self.parts.iter().all(|part| part.finished);
            }
            Rule::First | Rule::OrFinally => {
                self.merge_parts(merged, view, timers);
                self.finished = self.parts.iter().any(|part| part.finished);
            }
            Rule::All => {
                self.merge_parts(merged, view, timers);
                self.finished = self.parts.iter().all(|part| part.finished);
            }
            Rule::Repeatedly => self.merge_parts(merged, view, timers),
        }
    }

    fn merge_parts(&mut self, merged: &[&TriggerState], view: View<'_>, timers: &mut Timers) {
        for i in 0..self.parts.len() {
            self.merge_part(i, merged, view, timers);
        }
    }

    fn merge_part(&mut self, i: usize, merged: &[&TriggerState], view: View<'_>, timers: &mut Timers) {
        let theirs: Vec<&TriggerState> = merged.iter().map(|state| &state.parts[i]).collect();
        self.parts[i].on_merge(&theirs, view, timers);
    }

    fn seen(&self) -> u64 {
        match self.rule {
            Rule::Count { seen, .. } => seen,
            _ => 0,
        }
    }

    fn target_ms(&self) -> Option<i64> {
        match self.rule {
            Rule::Delay { target_ms, .. } => target_ms,
            _ => None,
        }
    }

    /// Forgets what was counted and awaited; finished bits stay.
    pub(super) fn clear(&mut self) {
        match &mut self.rule {
            Rule::Count { seen, .. } => *seen = 0,
            Rule::Delay { target_ms, .. } => *target_ms = None,
            _ => {}
        }
        self.parts.iter_mut().for_each(TriggerState::clear);
    }

    /// As new.
    fn reset(&mut self) {
        self.clear();
        self.unfinish();
    }

    fn unfinish(&mut self) {
        self.finished = false;
        self.parts.iter_mut().for_each(TriggerState::unfinish);
    }
}

fn set_timer(domain: Domain, target_ms: i64, timers: &mut Timers) {
    match domain {
        Domain::Processing => timers.processing_ms.push(target_ms),
        Domain::Synchronized => timers.synchronized_ms.push(target_ms),
    }
}

/// `transforms` applied in order to `now_ms`; aligning rounds up.
fn delayed(now_ms: i64, transforms: &[TimeTransform]) -> i64 {
    transforms.iter().fold(now_ms, |at, transform| match transform {
        TimeTransform::Delay(by) => at + by,
        TimeTransform::Align { period_ms, offset_ms } => {
            let past = (at - offset_ms).rem_euclid(*period_ms);
            if past == 0 { at } else { at + period_ms - past }
        }
    })
}
