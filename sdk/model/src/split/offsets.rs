//! Offsets: the restriction of whatever can be counted.

use serde::{Deserialize, Serialize};

use super::{Progress, Restriction};

/// The offsets from a start to an end, or on and on.
///
/// ```
/// use purlin_model::split::{Offsets, Restriction};
/// let mut work = Offsets::between(10, 20);
/// assert!(work.try_claim(10) && work.try_claim(13));
/// let rest = work.split_off().unwrap();
/// assert_eq!((work, rest.clone()), (work, Offsets::between(14, 20)));
/// assert!(work.is_done());
/// assert!(!work.try_claim(14), "that is the other's");
/// assert_eq!(Offsets::between(0, 10).split_every(4), [Offsets::between(0, 4), Offsets::between(4, 8), Offsets::between(8, 10)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offsets {
    start: u64,
    end: Option<u64>,
    /// The first that is not claimed.
    next: u64,
    /// A claim has met the end.
    ended: bool,
}

impl Offsets {
    /// From `start` to before `end`.
    pub fn between(start: u64, end: u64) -> Self {
        Offsets { start, end: Some(end), next: start, ended: false }
    }

    /// From `start` on, without an end.
    pub fn from(start: u64) -> Self {
        Offsets { start, end: None, next: start, ended: false }
    }

    /// The first offset.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The first offset behind the last, if there is an end.
    pub fn end(&self) -> Option<u64> {
        self.end
    }

    /// The first offset that is not claimed: where to go on.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The same work with an end: for draining. What is claimed stays.
    pub fn ending_at(self, end: u64) -> Self {
        Offsets { end: Some(end.max(self.next)), ..self }
    }

    /// Pieces of this many offsets; one that has no end is one piece.
    pub fn split_every(self, offsets: u64) -> Vec<Offsets> {
        let Some(end) = self.end else { return vec![self] };
        let starts = (self.start..end).step_by(usize::try_from(offsets.max(1)).unwrap_or(usize::MAX));
        let pieces: Vec<Offsets> =
            starts.map(|start| Offsets::between(start, start.saturating_add(offsets.max(1)).min(end))).collect();
        if pieces.is_empty() { vec![self] } else { pieces }
    }
}

impl Restriction for Offsets {
    type Position = u64;

    fn try_claim(&mut self, offset: u64) -> bool {
        assert!(offset >= self.next, "offset {offset} was claimed after {}, and offsets ascend", self.next);
        // Behind the last offset there is no next one.
        if self.end.is_some_and(|end| offset >= end) || offset == u64::MAX {
            self.ended = true;
            return false;
        }
        self.next = offset + 1;
        true
    }

    fn split_off(&mut self) -> Option<Self> {
        if self.is_done() {
            return None;
        }
        let rest = Offsets { start: self.next, end: self.end, next: self.next, ended: false };
        self.end = Some(self.next);
        Some(rest)
    }

    fn is_done(&self) -> bool {
        self.ended || self.end.is_some_and(|end| self.next >= end)
    }

    fn is_bounded(&self) -> bool {
        self.end.is_some()
    }

    fn progress(&self) -> Progress {
        let remaining = self.end.map(|end| end.saturating_sub(self.next) as f64);
        Progress { done: (self.next - self.start) as f64, remaining }
    }
}
