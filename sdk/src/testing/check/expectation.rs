//! One thing that is expected of a collection.

use std::collections::BTreeMap;

use super::selection::Selection;
use crate::At;
use crate::testing::collect::indented;
use crate::testing::difference::named;
use crate::window::Window;

/// A condition on some elements.
pub(super) struct Expectation<T> {
    pub(super) selection: Selection,
    pub(super) holds: Box<dyn Fn(&[(T, At)]) -> Result<(), String> + Send + Sync>,
}

impl<T: Clone> Expectation<T> {
    /// What is wrong with `elements`, in words.
    pub(super) fn verdict(&self, elements: &[(T, At)]) -> Result<(), String> {
        if self.selection.is_everything() {
            return (self.holds)(elements);
        }
        let selected: Vec<(T, At)> = elements.iter().filter(|(_, at)| self.selection.takes(at)).cloned().collect();
        (self.holds)(&selected).map_err(|wrong| {
            let elsewhere = if selected.is_empty() { whereabouts(elements) } else { String::new() };
            format!("{}:\n{}{elsewhere}", self.selection, indented(&wrong))
        })
    }
}

/// Where elements lie, for who looked in the wrong place.
fn whereabouts<T>(elements: &[(T, At)]) -> String {
    let mut counts: BTreeMap<(Window, u64), (usize, &At)> = BTreeMap::new();
    for (_, at) in elements {
        counts.entry((at.window, at.pane.index)).or_insert((0, at)).0 += 1;
    }
    let mut text = String::from("  nothing came there");
    text.push_str(if counts.is_empty() { ", nor anywhere else\n" } else { "; what came lies\n" });
    for ((window, index), (count, at)) in counts.iter().take(10) {
        text.push_str(&format!("    in {}, pane {index} ({:?}): {count}\n", named(window), at.pane.timing));
    }
    text
}
