//! Compaction: a chain of segments becomes one.
//!
//! It reads files and writes a file, beside the running job and without its state. The new segment is named by no manifest until the job has
//! [put it](Compaction::apply) into one; until then it is kept from the [collection of garbage](Checkpoints::collect_garbage) of this process.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::error::CheckpointError;
use super::ledger::Checkpoints;
use super::manifest::{Manifest, SegmentRef};
use super::names::{self, SnapshotId};
use super::segment::{self, Section, SegmentReader};

/// More segments make a restart slow, by the requests they take.
const SEGMENTS_MAX: usize = 8;
/// Deltas below this are not worth reading the base for.
const DELTA_BYTES_MIN: u64 = 1 << 20;
/// Sections of a base are cut at this length, so that reading one takes little memory.
const SECTION_BYTES: usize = 64 << 20;

/// Whether a chain of segments should be merged: there are many, or what came since the first outweighs it.
pub fn wants_compaction(segments: &[SegmentRef]) -> bool {
    let Some((base, deltas)) = segments.split_first() else { return false };
    let delta_bytes: u64 = deltas.iter().map(|segment| segment.bytes).sum();
    segments.len() > SEGMENTS_MAX || delta_bytes > base.bytes.max(DELTA_BYTES_MIN)
}

/// Segments, and the one that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    replaced: Vec<SegmentRef>,
    base: Option<SegmentRef>,
}

impl Compaction {
    /// Puts the base in the place of what it replaces, at the start of a later checkpoint's segments; false, and nothing changes, if they do not
    /// begin with that.
    pub fn apply(&self, segments: &mut Vec<SegmentRef>) -> bool {
        let fits = segments.starts_with(&self.replaced);
        if fits {
            segments.splice(..self.replaced.len(), self.base.clone());
        }
        fits
    }
}

impl Checkpoints {
    /// Merges the segments of a committed checkpoint into one, written by `incarnation`.
    pub async fn compact(&self, manifest: &Manifest, incarnation: u64) -> Result<Compaction, CheckpointError> {
        let replaced = manifest.segments.clone();
        let readers = self.open_segments(manifest).await?;
        let operators: BTreeSet<&str> =
            readers.iter().flat_map(SegmentReader::entries).map(|entry| entry.operator.as_str()).collect();
        let mut sections = Vec::new();
        for operator in operators {
            let table = SegmentReader::table(&readers, operator).await?;
            for log in table.into_logs(SECTION_BYTES) {
                sections.push(Section::new(operator, 0, 1, log).pack()?);
            }
        }
        if sections.is_empty() {
            return Ok(Compaction { replaced, base: None });
        }
        let id = SnapshotId { checkpoint: manifest.checkpoint, incarnation, attempt: manifest.attempt };
        let (base, file) = segment::encode(names::base(&id), &sections)?;
        drop(sections);
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(base.name.clone());
        self.write_once(&base.name, file).await?;
        Ok(Compaction { replaced, base: Some(base) })
    }
}
