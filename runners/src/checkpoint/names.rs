//! How files are named: every name says which checkpoint, incarnation and attempt it is of, so that none is ever written twice.

use std::fmt;

/// Which snapshot: a number of checkpoint, taken by a start of the job, at the how many-th attempt.
///
/// ```
/// use purlin_runners::checkpoint::SnapshotId;
/// let id = SnapshotId { checkpoint: 7, incarnation: 2, attempt: 0 };
/// assert_eq!(id.to_string(), "0000000007-000002-000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// The checkpoint's number.
    pub checkpoint: u64,
    /// The start of the job.
    pub incarnation: u64,
    /// Its attempt at this checkpoint, from 0.
    pub attempt: u32,
}

/// Zeros in front keep listings readable; numbers that are longer are no problem, for names are taken apart and compared as numbers.
impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}-{:06}-{:03}", self.checkpoint, self.incarnation, self.attempt)
    }
}

pub(super) const JOB: &str = "job";
pub(super) const INCARNATIONS: &str = "incarnations/";
pub(super) const SEGMENTS: &str = "segments/";
pub(super) const MANIFESTS: &str = "manifests/";
pub(super) const COMMITS: &str = "commits/";

pub(super) fn incarnation(number: u64) -> String {
    format!("{INCARNATIONS}{number:06}")
}

pub(super) fn segment(id: &SnapshotId) -> String {
    format!("{SEGMENTS}{id}")
}

pub(super) fn base(id: &SnapshotId) -> String {
    format!("{SEGMENTS}{id}-base")
}

pub(super) fn manifest(id: &SnapshotId) -> String {
    format!("{MANIFESTS}{id}")
}

pub(super) fn commit(checkpoint: u64) -> String {
    format!("{COMMITS}{checkpoint:010}")
}

/// The number in the name of an incarnation or a commit; `None` for files that are neither.
pub(super) fn number(folder: &str, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(folder)?;
    digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The snapshot in the name of a segment or a manifest; `None` for files that are neither.
pub(super) fn snapshot(folder: &str, name: &str) -> Option<SnapshotId> {
    let name = name.strip_prefix(folder)?;
    let mut parts = name.strip_suffix("-base").unwrap_or(name).split('-');
    let checkpoint = parts.next()?.parse().ok()?;
    let incarnation = parts.next()?.parse().ok()?;
    let attempt = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(SnapshotId { checkpoint, incarnation, attempt })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_they_were_put_together() {
        for id in [
            SnapshotId { checkpoint: 0, incarnation: 1, attempt: 0 },
            SnapshotId { checkpoint: u64::MAX, incarnation: u64::MAX, attempt: u32::MAX },
        ] {
            assert_eq!(snapshot(SEGMENTS, &segment(&id)), Some(id));
            assert_eq!(snapshot(SEGMENTS, &base(&id)), Some(id));
            assert_eq!(snapshot(MANIFESTS, &manifest(&id)), Some(id));
            assert_eq!(number(COMMITS, &commit(id.checkpoint)), Some(id.checkpoint));
            assert_eq!(number(INCARNATIONS, &incarnation(id.incarnation)), Some(id.incarnation));
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        assert_eq!(number(COMMITS, "commits/+7"), None);
        assert_eq!(number(COMMITS, "commits/7.bak"), None);
        assert_eq!(snapshot(SEGMENTS, "segments/7-1"), None);
        assert_eq!(snapshot(SEGMENTS, "segments/7-1-0-0"), None);
        assert_eq!(snapshot(SEGMENTS, "manifests/7-1-0"), None);
    }
}
