//! What a trigger becomes when windows merge (SEMANTICS §7).
//!
//! `state` starts as what the resulting bounds had already, whether active or closed, and 0 if nothing; `parts` are the states
//! of the active windows that go into it, one after the other. A window that is only as old as its element is no part, so
//! "in all parts" also holds where late elements merge with each other alone: as in Beam, their window is past its on-time pane.

use super::timers::Domain;
use super::tree::{At, Kind, Wishes, decoded, encoded, is_finished, set_finished};

impl At<'_> {
    pub(super) fn on_merge(&self, node: usize, state: &mut [u64], parts: &[u64], wishes: &mut Wishes) {
        let (tree, shape) = (self.tree, &self.tree.nodes[node]);
        let states = || parts.chunks_exact(tree.words().max(1));
        match &shape.kind {
            Kind::Never => {}
            Kind::Default => wishes.end_of_window |= !self.window_has_ended(),
            Kind::EndOfWindow => {
                let over = self.window_has_ended() && states().all(|part| is_finished(part, node));
                set_finished(state, node, over);
            }
            Kind::Watermark => {
                let (early, late) = (node + 1, self.late_of(node));
                let over = self.window_has_ended() && states().all(|part| is_finished(part, early));
                if !over {
                    // Elements wait that had no chance of an early or on-time pane.
                    self.on_merge(early, state, parts, wishes);
                }
                set_finished(state, early, over);
                match late {
                    Some(late) if over => self.on_merge(late, state, parts, wishes),
                    Some(late) => {
                        set_finished(state, late, false);
                        self.clear(late, state);
                    }
                    None => {}
                }
            }
            Kind::ProcessingTime(_) => self.merge_targets(Domain::Processing, node, state, parts, wishes),
            Kind::Synchronized => self.merge_targets(Domain::Synchronized, node, state, parts, wishes),
            Kind::Count(_) => {
                if states().any(|part| is_finished(part, node)) {
                    set_finished(state, node, true);
                    state[shape.word] = 0;
                } else {
                    state[shape.word] = states().fold(0, |sum, part| sum.saturating_add(part[shape.word]));
                }
            }
            Kind::Each => {
                let mut all_before_finished = true;
                for child in tree.children(node) {
                    if all_before_finished {
                        self.on_merge(child, state, parts, wishes);
                        all_before_finished = is_finished(state, child);
                    } else {
                        self.clear(child, state);
                    }
                }
                set_finished(state, node, self.first_unfinished(node, state).is_none());
            }
            Kind::First | Kind::OrFinally => {
                tree.children(node).for_each(|child| self.on_merge(child, state, parts, wishes));
                set_finished(state, node, tree.children(node).any(|child| is_finished(state, child)));
            }
            Kind::All => {
                tree.children(node).for_each(|child| self.on_merge(child, state, parts, wishes));
                set_finished(state, node, self.first_unfinished(node, state).is_none());
            }
            Kind::Repeatedly => self.on_merge(node + 1, state, parts, wishes),
        }
    }

    /// The earliest target of the parts.
    fn merge_targets(&self, domain: Domain, node: usize, state: &mut [u64], parts: &[u64], wishes: &mut Wishes) {
        let word = self.tree.nodes[node].word;
        state[word] = 0;
        if is_finished(state, node) {
            return;
        }
        let targets = parts.chunks_exact(self.tree.words()).filter_map(|part| decoded(part[word]));
        if let Some(earliest) = targets.min() {
            state[word] = encoded(earliest);
            wishes.processing.push((domain, earliest));
        }
    }
}
