//! What a trigger does when elements come, when it is asked, and when it fires (SEMANTICS §7).

use purlin_model::TimeTransform;

use super::timers::Domain;
use super::tree::{At, Kind, Wishes, decoded, encoded, is_finished, set_finished};

impl At<'_> {
    pub(super) fn window_has_ended(&self) -> bool {
        self.clock.watermark > self.window_max
    }

    /// `count` elements have come.
    pub(super) fn on_elements(&self, node: usize, state: &mut [u64], count: u64, wishes: &mut Wishes) {
        let (tree, shape) = (self.tree, &self.tree.nodes[node]);
        match &shape.kind {
            Kind::Never => {}
            Kind::Default | Kind::EndOfWindow => wishes.end_of_window |= !self.window_has_ended(),
            Kind::Count(_) => state[shape.word] = state[shape.word].saturating_add(count),
            Kind::ProcessingTime(transforms) => {
                self.set_target(Domain::Processing, transforms, &mut state[shape.word], wishes);
            }
            Kind::Synchronized => self.set_target(Domain::Synchronized, &[], &mut state[shape.word], wishes),
            Kind::Watermark | Kind::Each => {
                if matches!(shape.kind, Kind::Watermark) {
                    wishes.end_of_window |= !self.window_has_ended();
                }
                if tree.merging {
                    tree.children(node).for_each(|child| self.on_elements(child, state, count, wishes));
                } else if let Some(current) = self.first_unfinished(node, state) {
                    self.on_elements(current, state, count, wishes);
                }
            }
            Kind::All => {
                for child in tree.children(node) {
                    if !is_finished(state, child) {
                        self.on_elements(child, state, count, wishes);
                    }
                }
            }
            Kind::First | Kind::OrFinally | Kind::Repeatedly => {
                tree.children(node).for_each(|child| self.on_elements(child, state, count, wishes));
            }
        }
    }

    /// The first element of a pane sets the target; those after it leave it.
    fn set_target(&self, domain: Domain, transforms: &[TimeTransform], word: &mut u64, wishes: &mut Wishes) {
        if *word == 0 {
            let target = transforms.iter().fold(self.clock.now_ms, transformed);
            *word = encoded(target);
            wishes.processing.push((domain, target));
        }
    }

    pub(super) fn should_fire(&self, node: usize, state: &[u64]) -> bool {
        let (tree, shape) = (self.tree, &self.tree.nodes[node]);
        match &shape.kind {
            Kind::Never => false,
            Kind::Default | Kind::EndOfWindow => self.window_has_ended(),
            Kind::Count(wanted) => state[shape.word] >= *wanted,
            Kind::ProcessingTime(_) => decoded(state[shape.word]).is_some_and(|target| self.clock.now_ms > target),
            Kind::Synchronized => decoded(state[shape.word]).is_some_and(|target| self.clock.synchronized_ms > target),
            Kind::Watermark => {
                let early = node + 1;
                if is_finished(state, early) {
                    self.late_of(node).is_some_and(|late| self.should_fire(late, state))
                } else {
                    self.window_has_ended() || self.should_fire(early, state)
                }
            }
            Kind::Each => self.first_unfinished(node, state).is_some_and(|current| self.should_fire(current, state)),
            Kind::First => tree.children(node).any(|child| is_finished(state, child) || self.should_fire(child, state)),
            Kind::All => tree.children(node).all(|child| is_finished(state, child) || self.should_fire(child, state)),
            Kind::OrFinally | Kind::Repeatedly => tree.children(node).any(|child| self.should_fire(child, state)),
        }
    }

    /// Makes ready for the next pane, or finishes.
    pub(super) fn on_fire(&self, node: usize, state: &mut [u64]) {
        let tree = self.tree;
        match &tree.nodes[node].kind {
            Kind::Default | Kind::Never => {}
            Kind::EndOfWindow | Kind::Count(_) | Kind::ProcessingTime(_) | Kind::Synchronized => {
                self.clear(node, state);
                set_finished(state, node, true);
            }
            Kind::Watermark => self.on_fire_watermark(node, state),
            Kind::Each => {
                if let Some(current) = self.first_unfinished(node, state) {
                    self.on_fire(current, state);
                }
                if tree.merging {
                    self.clear(node, state);
                }
                set_finished(state, node, self.first_unfinished(node, state).is_none());
            }
            Kind::First => {
                for child in tree.children(node) {
                    if self.should_fire(child, state) { self.on_fire(child, state) } else { self.clear(child, state) }
                }
                set_finished(state, node, true);
            }
            Kind::All => {
                tree.children(node).for_each(|child| self.on_fire(child, state));
                set_finished(state, node, true);
            }
            Kind::OrFinally => {
                let (main, until) = (node + 1, tree.nodes[node + 1].end);
                if self.should_fire(until, state) {
                    self.on_fire(until, state);
                    self.clear(main, state);
                } else {
                    // What ends it goes on counting over several panes.
                    self.on_fire(main, state);
                }
                set_finished(state, node, is_finished(state, main) || is_finished(state, until));
            }
            Kind::Repeatedly => {
                let inner = node + 1;
                self.on_fire(inner, state);
                if is_finished(state, inner) {
                    (inner..tree.nodes[inner].end).for_each(|part| set_finished(state, part, false));
                    self.clear(inner, state);
                }
            }
        }
    }

    fn on_fire_watermark(&self, node: usize, state: &mut [u64]) {
        let (early, late) = (node + 1, self.late_of(node));
        if is_finished(state, early) {
            match late {
                Some(late) => {
                    self.on_fire(late, state);
                    self.clear(late, state);
                    set_finished(state, late, false);
                }
                None => set_finished(state, node, true),
            }
        } else if self.window_has_ended() {
            if self.should_fire(early, state) {
                self.on_fire(early, state);
            }
            self.clear(early, state);
            set_finished(state, early, true);
            match late {
                // With merging windows it was fed all along.
                Some(late) => self.clear(late, state),
                None => set_finished(state, node, true),
            }
        } else {
            self.on_fire(early, state);
            self.clear(early, state);
            set_finished(state, early, false);
        }
    }

    /// Forgets counts and targets; finished bits stay.
    pub(super) fn clear(&self, node: usize, state: &mut [u64]) {
        for part in &self.tree.nodes[node..self.tree.nodes[node].end] {
            if matches!(part.kind, Kind::Count(_) | Kind::ProcessingTime(_) | Kind::Synchronized) {
                state[part.word] = 0;
            }
        }
    }

    pub(super) fn first_unfinished(&self, node: usize, state: &[u64]) -> Option<usize> {
        self.tree.children(node).find(|child| !is_finished(state, *child))
    }

    /// The late trigger of an AfterWatermark, its second child.
    pub(super) fn late_of(&self, node: usize) -> Option<usize> {
        self.tree.children(node).nth(1)
    }
}

fn transformed(at_ms: i64, by: &TimeTransform) -> i64 {
    match *by {
        TimeTransform::Delay(delay_ms) => at_ms.saturating_add(delay_ms),
        TimeTransform::Align { period_ms, offset_ms } => {
            let past_ms = at_ms.saturating_sub(offset_ms).rem_euclid(period_ms.max(1));
            if past_ms == 0 { at_ms } else { at_ms.saturating_add(period_ms - past_ms) }
        }
    }
}
