//! What a run gave, reduced to what the law says is the same in every run.

use super::Subject;
use super::law::Law;
use crate::testing::difference::disagreement;
use crate::window::Window;
use crate::{At, Element, Pane};
use std::fmt::Debug;

/// The elements of a run, or how it failed.
pub(super) type Outcome<Out> = Result<Vec<(Out, At)>, String>;

impl<In: Element, Out: Element + PartialEq + Debug> Subject<In, Out> {
    /// How two runs differ where they must not; `a` is the plainest run.
    pub(super) fn difference(&self, law: Law, a: &Outcome<Out>, b: &Outcome<Out>) -> Option<String> {
        match (a, b) {
            (Ok(a), Ok(b)) => disagreement(("A", &self.reduced(law, a, a)), ("B", &self.reduced(law, b, a))),
            (Err(_), Err(_)) => None,
            (Ok(_), Err(failure)) => Some(format!("A ends well, and B fails:\n  {failure}\n")),
            (Err(failure), Ok(_)) => Some(format!("B ends well, and A fails:\n  {failure}\n")),
        }
    }

    /// What of `elements` the law is about; `plainest` says into which windows others have to merge.
    fn reduced(&self, law: Law, elements: &[(Out, At)], plainest: &[(Out, At)]) -> Vec<(Out, At)> {
        let elements = elements.iter().cloned();
        let reduced: Vec<(Out, At)> = match law {
            Law::Elements { lateness: false, .. } => elements.collect(),
            Law::Elements { closing_panes, .. } => elements
                .filter(|(_, at)| at.pane.index == 0 || !closing_panes)
                .map(|(value, at)| (value, At { pane: Pane { last: true, ..at.pane }, ..at }))
                .collect(),
            Law::LastPanes { merging } => {
                let home = |element: &(Out, At)| if merging { self.home(element, plainest) } else { element.1.window };
                // A pane of a window that has since merged is not the last of what it merged into.
                self.last_panes(elements.filter(|element| home(element) == element.1.window).collect())
            }
            Law::CombinedPanes { merging } => {
                let home = |element: &(Out, At)| if merging { self.home(element, plainest) } else { element.1.window };
                self.combined(elements.map(|element| (home(&element), element.0)))
            }
        };
        match &self.normal {
            Some(normal) => reduced.into_iter().map(|(value, at)| (normal(value), at)).collect(),
            None => reduced,
        }
    }

    fn same_key(&self, a: &Out, b: &Out) -> bool {
        self.same_key.as_ref().is_none_or(|same| same(a, b))
    }

    /// The widest of the plainest run's windows, of the element's key, that holds the element's.
    fn home(&self, (value, at): &(Out, At), plainest: &[(Out, At)]) -> Window {
        let holds =
            |outer: &Window| outer.tag == at.window.tag && outer.start <= at.window.start && at.window.end <= outer.end;
        let windows = plainest.iter().filter(|(other, _)| self.same_key(other, value)).map(|(_, at)| at.window);
        windows
            .filter(holds)
            .chain([at.window])
            .max_by_key(|window| (window.end, std::cmp::Reverse(window.start)))
            .unwrap_or(at.window)
    }

    fn last_panes(&self, elements: Vec<(Out, At)>) -> Vec<(Out, At)> {
        let is_last = |(value, at): &&(Out, At)| {
            elements.iter().all(|(other, theirs)| {
                theirs.window != at.window || theirs.pane.index <= at.pane.index || !self.same_key(other, value)
            })
        };
        elements.iter().filter(is_last).map(|(value, at)| (value.clone(), whole(at.window))).collect()
    }

    fn combined(&self, elements: impl Iterator<Item = (Window, Out)>) -> Vec<(Out, At)> {
        let mut combined: Vec<(Out, At)> = Vec::new();
        for (window, value) in elements {
            match combined.iter_mut().find(|(held, at)| at.window == window && self.same_key(held, &value)) {
                Some((held, _)) => *held = self.combine.as_ref().map_or(value.clone(), |f| f(held.clone(), value)),
                None => combined.push((value, whole(window))),
            }
        }
        combined
    }
}

/// Where a result of a whole window stands: which pane it came in, and when, is left open.
fn whole(window: Window) -> At {
    At { timestamp: window.max_timestamp(), window, pane: Pane::UNGROUPED }
}
