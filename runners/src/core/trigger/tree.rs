//! The trigger tree: one immutable shape per grouping, and a few words of state per (key, window) (SEMANTICS §7).
//!
//! Sub-triggers are numbered in preorder. A window's state is a slice of words: first a finished bit per
//! sub-trigger, then one word for each count and each processing-time target. The default trigger needs no word at all.
//! Nothing here emits: [`At`] answers whether a tree fires and says what it wants to be woken for.

use purlin_model::{TimeTransform, Timestamp, Trigger};

use super::timers::Domain;

/// The number of the whole tree.
pub(super) const ROOT: usize = 0;

/// The shape.
pub(super) struct Tree {
    pub(super) nodes: Box<[Node]>,
    words: usize,
    /// Whether windows may merge: then sub-triggers that are not due yet are fed too, for a merge may revive them.
    pub(super) merging: bool,
    /// Whether a firing makes the wake-ups void that its pane had asked for.
    pub(super) forgets_wakes: bool,
}

pub(super) struct Node {
    pub(super) kind: Kind,
    /// The number after the last one of this sub-tree.
    pub(super) end: usize,
    /// The word that a count or target is kept in.
    pub(super) word: usize,
}

pub(super) enum Kind {
    Default,
    Never,
    EndOfWindow,
    /// Children: early, then late if there is one.
    Watermark,
    ProcessingTime(Box<[TimeTransform]>),
    Synchronized,
    Count(u64),
    Each,
    First,
    All,
    /// Children: the trigger, and what ends it.
    OrFinally,
    Repeatedly,
}

/// The clocks as a firing sees them.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) watermark: Timestamp,
    pub(super) now_ms: i64,
    /// The smaller of the local processing time and the upstream's earliest pending one.
    pub(super) synchronized_ms: i64,
}

/// What a tree asks to be woken for.
#[derive(Default)]
pub(super) struct Wishes {
    pub(super) end_of_window: bool,
    pub(super) processing: Vec<(Domain, i64)>,
}

impl Tree {
    pub(super) fn new(trigger: &Trigger, merging: bool) -> Self {
        let mut nodes = Vec::new();
        append(trigger, &mut nodes);
        let keeps_state = !matches!(trigger, Trigger::Default | Trigger::Never);
        let mut words = if keeps_state { nodes.len().div_ceil(64) } else { 0 };
        for node in &mut nodes {
            if matches!(node.kind, Kind::ProcessingTime(_) | Kind::Synchronized | Kind::Count(_)) {
                node.word = words;
                words += 1;
            }
        }
        Tree { nodes: nodes.into(), words, merging, forgets_wakes: forgets_wakes(trigger) }
    }

    /// How many words a window's state takes; all 0 at first.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Whether the window is closed: its trigger will never fire again.
    #[inline]
    pub(super) fn is_finished(&self, state: &[u64]) -> bool {
        is_finished(state, ROOT)
    }

    /// Whether a wake-up for `target` still means something once its pane has fired.
    ///
    /// In Beam a timer outlives the pane that set it, and finds the trigger ready only where a sub-trigger may become
    /// so unasked: behind AfterEach, or at the end of the window. In all other trees the timer goes with the pane.
    pub(super) fn wants(&self, state: &[u64], (domain, target): (Domain, i64)) -> bool {
        let is_target = |node: &Node| match node.kind {
            Kind::ProcessingTime(_) => domain == Domain::Processing && state[node.word] == encoded(target),
            Kind::Synchronized => domain == Domain::Synchronized && state[node.word] == encoded(target),
            _ => false,
        };
        !self.forgets_wakes || self.nodes.iter().any(is_target)
    }

    pub(super) fn children(&self, parent: usize) -> impl Iterator<Item = usize> + '_ {
        let (mut next, end) = (parent + 1, self.nodes[parent].end);
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.nodes[child].end;
            Some(child)
        })
    }
}

/// Whether no sub-trigger of `trigger` becomes ready unless it has just been asked or has a timer of its own.
fn forgets_wakes(trigger: &Trigger) -> bool {
    fn all<'a>(parts: impl IntoIterator<Item = &'a Trigger>) -> bool {
        parts.into_iter().all(is_plain)
    }
    fn is_plain(trigger: &Trigger) -> bool {
        match trigger {
            Trigger::Default | Trigger::AfterWatermark { .. } | Trigger::AfterEach(_) => false,
            Trigger::AfterFirst(parts) | Trigger::AfterAll(parts) => all(parts),
            Trigger::OrFinally(main, until) => is_plain(main) && is_plain(until),
            Trigger::Repeatedly(inner) => is_plain(inner),
            _ => true,
        }
    }
    match trigger {
        Trigger::AfterWatermark { early, late } => all(early.as_deref().into_iter().chain(late.as_deref())),
        other => is_plain(other),
    }
}

fn append(trigger: &Trigger, nodes: &mut Vec<Node>) {
    let kind = match trigger {
        Trigger::Default => Kind::Default,
        Trigger::Never => Kind::Never,
        Trigger::AfterWatermark { early: None, late: None } => Kind::EndOfWindow,
        Trigger::AfterWatermark { .. } => Kind::Watermark,
        Trigger::AfterProcessingTime { transforms } => Kind::ProcessingTime(transforms.as_slice().into()),
        Trigger::AfterSynchronizedProcessingTime => Kind::Synchronized,
        Trigger::AfterCount(count) => Kind::Count(*count),
        Trigger::AfterEach(_) => Kind::Each,
        Trigger::AfterFirst(_) => Kind::First,
        Trigger::AfterAll(_) => Kind::All,
        Trigger::OrFinally(..) => Kind::OrFinally,
        Trigger::Repeatedly(_) => Kind::Repeatedly,
        other => unreachable!("the model has a trigger that its core does not know: {other}"),
    };
    let at = nodes.len();
    nodes.push(Node { kind, end: 0, word: 0 });
    match trigger {
        Trigger::AfterWatermark { early: None, late: None } => {}
        Trigger::AfterWatermark { early, late } => {
            append(early.as_deref().unwrap_or(&Trigger::Never), nodes);
            late.iter().for_each(|late| append(late, nodes));
        }
        Trigger::AfterEach(parts) | Trigger::AfterFirst(parts) | Trigger::AfterAll(parts) => {
            parts.iter().for_each(|part| append(part, nodes));
        }
        Trigger::OrFinally(main, until) => {
            append(main, nodes);
            append(until, nodes);
        }
        Trigger::Repeatedly(inner) => append(inner, nodes),
        _ => {}
    }
    nodes[at].end = nodes.len();
}

/// The tree of one window at one moment.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) tree: &'a Tree,
    pub(super) clock: Clock,
    /// The window's last timestamp.
    pub(super) window_max: Timestamp,
}

#[inline]
pub(super) fn is_finished(state: &[u64], node: usize) -> bool {
    state.get(node / 64).is_some_and(|bits| bits >> (node % 64) & 1 == 1)
}

pub(super) fn set_finished(state: &mut [u64], node: usize, finished: bool) {
    let bits = &mut state[node / 64];
    *bits = *bits & !(1 << (node % 64)) | u64::from(finished) << (node % 64);
}

/// A target as a word; 0 is no target.
#[inline]
pub(super) fn encoded(target_ms: i64) -> u64 {
    (target_ms as u64) ^ (1 << 63)
}

#[inline]
pub(super) fn decoded(word: u64) -> Option<i64> {
    (word != 0).then_some((word ^ (1 << 63)) as i64)
}
