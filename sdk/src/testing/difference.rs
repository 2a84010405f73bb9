//! How two multisets differ, in words: sorted, counted, each element with its window, pane and timestamp.

use std::fmt::{self, Debug};

use super::natural::natural;
use crate::window::Window;
use crate::{At, Pane, Timestamp, Timing};

/// So many lines of one kind are shown; nobody reads on.
const LINES_MAX: usize = 20;

/// Values that are equal, by their places on either side.
pub(super) struct Tally<'a, V> {
    pub(super) value: &'a V,
    pub(super) left: Vec<usize>,
    pub(super) right: Vec<usize>,
}

/// All values of both sides, each kind once.
pub(super) fn tally<'a, V: PartialEq>(
    left: impl Iterator<Item = &'a V>,
    right: impl Iterator<Item = &'a V>,
) -> Vec<Tally<'a, V>> {
    let mut kinds: Vec<Tally<'a, V>> = Vec::new();
    let mut find = |value: &'a V| match kinds.iter().position(|kind| kind.value == value) {
        Some(at) => at,
        None => {
            kinds.push(Tally { value, left: Vec::new(), right: Vec::new() });
            kinds.len() - 1
        }
    };
    let lefts: Vec<usize> = left.map(&mut find).collect();
    let rights: Vec<usize> = right.map(&mut find).collect();
    for (place, kind) in lefts.into_iter().enumerate() {
        kinds[kind].left.push(place);
    }
    for (place, kind) in rights.into_iter().enumerate() {
        kinds[kind].right.push(place);
    }
    kinds
}

/// What came against what was expected; `None` where they are the same.
pub(super) fn unexpected<T: PartialEq + Debug>(expected: &[T], came: &[(T, At)]) -> Option<String> {
    let kinds = tally(expected.iter(), came.iter().map(|(value, _)| value));
    let places = |kind: &Tally<'_, T>| -> String {
        let mut places: Vec<At> = kind.right.iter().map(|place| came[*place].1).collect();
        places.sort_by_key(|at| (at.window, at.pane.index, at.timestamp));
        let shown: Vec<String> = places.iter().map(|at| Place(at).to_string()).filter(|at| !at.is_empty()).collect();
        shown.join("; ")
    };
    let [mut missing, mut extra, mut other] = [const { Vec::new() }; 3];
    let mut same = 0;
    for kind in &kinds {
        let value = format!("{:?}", kind.value);
        match (kind.left.len(), kind.right.len()) {
            (expected, came) if expected == came => same += expected,
            (expected, 0) => missing.push(line(&value, expected, "")),
            (0, came) => extra.push(line(&value, came, &places(kind))),
            (expected, came) => {
                let counts = format!("expected {}, came {}", times(expected), times(came));
                other.push(line(&value, 1, &join(&counts, &places(kind))));
            }
        }
    }
    let sections = [("missing", missing), ("not expected", extra), ("another number of times", other)];
    render(sections, same)
}

/// How two runs differ, `a` and `b` being their names; `None` where they do not.
pub(super) fn disagreement<T: PartialEq + Debug>(
    (a, left): (&str, &[(T, At)]),
    (b, right): (&str, &[(T, At)]),
) -> Option<String> {
    if left == right {
        return None;
    }
    let [mut only_left, mut only_right, mut other] = [const { Vec::new() }; 3];
    let mut same = 0;
    for kind in tally(left.iter(), right.iter()) {
        let value = format!("{:?}", kind.value.0);
        let place = Place(&kind.value.1).to_string();
        match (kind.left.len(), kind.right.len()) {
            (l, r) if l == r => same += l,
            (l, 0) => only_left.push(line(&value, l, &place)),
            (0, r) => only_right.push(line(&value, r, &place)),
            (l, r) => {
                let counts = format!("{} in {a}, {} in {b}", times(l), times(r));
                other.push(line(&value, 1, &join(&counts, &place)));
            }
        }
    }
    let [in_a, in_b] = [a, b].map(|name| format!("only in {name}"));
    render([(&*in_a, only_left), (&*in_b, only_right), ("another number of times", other)], same)
}

fn render<'a>(sections: impl IntoIterator<Item = (&'a str, Vec<String>)>, same: usize) -> Option<String> {
    let mut text = String::new();
    for (title, lines) in sections {
        if !lines.is_empty() {
            text.push_str(&format!("{title}:\n{}", listed(lines)));
        }
    }
    if text.is_empty() {
        return None;
    }
    match same {
        0 => {}
        1 => text.push_str("one other is the same\n"),
        more => text.push_str(&format!("{more} others are the same\n")),
    }
    Some(text)
}

/// The lines in order, the first of them if there are many.
pub(super) fn listed(mut lines: Vec<String>) -> String {
    lines.sort_by(|a, b| natural(a, b));
    let mut text: String = lines.iter().take(LINES_MAX).map(|line| format!("  {line}\n")).collect();
    if lines.len() > LINES_MAX {
        text.push_str(&format!("  and {} more\n", lines.len() - LINES_MAX));
    }
    text
}

fn line(value: &str, count: usize, note: &str) -> String {
    let count = if count > 1 { format!("{}: ", times(count)) } else { String::new() };
    if note.is_empty() && count.is_empty() { value.to_string() } else { format!("{value}   {}", join(&count, note)) }
}

fn join(counts: &str, place: &str) -> String {
    match (counts.trim_end_matches(": "), place) {
        (counts, "") => counts.to_string(),
        ("", place) => place.to_string(),
        (counts, place) => format!("{counts}: {place}"),
    }
}

fn times(count: usize) -> String {
    match count {
        0 => "never".into(),
        1 => "once".into(),
        2 => "twice".into(),
        more => format!("{more} times"),
    }
}

/// Where an element stands, in words; what says nothing is left out.
pub(super) struct Place<'a>(pub(super) &'a At);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let At { timestamp, window, pane } = self.0;
        let mut parts = Vec::new();
        if !window.is_global() {
            parts.push(format!("in {}", named(window)));
        }
        if *pane != Pane::UNGROUPED {
            parts.push(pane_in_words(pane));
        }
        if *timestamp != Timestamp::MIN && *timestamp != window.max_timestamp() {
            parts.push(format!("at {timestamp}"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// The window with what tells it from others of its bounds.
pub(super) fn named(window: &Window) -> String {
    if window.tag == 0 { window.to_string() } else { format!("{window} with tag {}", window.tag) }
}

fn pane_in_words(pane: &Pane) -> String {
    let timing = match pane.timing {
        Timing::Unknown => "ungrouped",
        Timing::Early => "early",
        Timing::OnTime => "on-time",
        Timing::Late => "late",
    };
    let mut text = format!("{timing} pane {}", pane.index);
    if pane.nonspeculative_index >= 0 && pane.nonspeculative_index != pane.index as i64 {
        text.push_str(&format!(" (non-speculative {})", pane.nonspeculative_index));
    }
    match (pane.first, pane.last) {
        (true, true) => text.push_str(", the only one"),
        (true, false) => text.push_str(", first"),
        (false, true) => text.push_str(", last"),
        (false, false) => {}
    }
    text
}
