//! All that a checkpoint is.

use purlin_model::source::AnySplit;
use serde::{Deserialize, Serialize};

/// All that a checkpoint is: which segments hold its state, where its sources stand, what its sinks have staged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The job's name.
    pub job: String,
    /// Its number: checkpoints of a job count up.
    pub checkpoint: u64,
    /// The start of the job that wrote it.
    pub incarnation: u64,
    /// The how many-th attempt of that incarnation at this checkpoint it is.
    pub attempt: u32,
    /// When it was written, in milliseconds since 1970.
    pub created_ms: i64,
    /// Tells pipelines apart whose state does not fit each other.
    pub fingerprint: u64,
    /// How many workers the job had.
    pub parallelism: u32,
    /// Whether the job has come to its end with it.
    pub finished: bool,
    /// The cluster whose transactions commit the job's checkpoints, if one does.
    pub cluster: Option<String>,
    /// The segments that hold its state, in the order in which they are applied.
    pub segments: Vec<SegmentRef>,
    /// What its transforms keep beside keyed state.
    pub operators: Vec<OperatorState>,
    /// What its stages keep.
    pub stages: Vec<StageState>,
    /// Where its sources stand.
    pub sources: Vec<SourceState>,
    /// What its sinks have staged and not published.
    pub sinks: Vec<SinkState>,
}

/// A segment, as a manifest names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// The file.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// The checksum of its head, which holds those of its sections.
    pub checksum: u64,
}

/// A manifest, as a commit names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// The file.
    pub name: String,
    /// The checksum of the whole file.
    pub checksum: u64,
}

/// A transform with keyed state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorState {
    /// The transform's full name.
    pub name: String,
    /// What it keeps, each with its type, so that retyped state is refused and not misread.
    pub types: Vec<(String, String)>,
    /// What each of its shards keeps that belongs to no key.
    pub shards: Vec<Vec<u8>>,
}

/// A stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageState {
    /// Its name.
    pub name: String,
    /// What it keeps, worker by worker.
    pub workers: Vec<Vec<u8>>,
}

/// A source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// The full name of its read.
    pub name: String,
    /// All its splits.
    pub splits: Vec<SplitState>,
}

/// A split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitState {
    /// What is left of it.
    pub split: AnySplit,
    /// Whether it has ended.
    pub finished: bool,
    /// Its watermark, in milliseconds since 1970; [`DRAINED_MS`](Self::DRAINED_MS) if a drain has ended it.
    pub watermark_ms: i64,
}

impl SplitState {
    /// Beyond every watermark: the split has not ended by itself, but was left for good by a drain. What follows it has been told that nothing
    /// more comes, and has closed its windows; whoever goes on from there has to drain the rest.
    pub const DRAINED_MS: i64 = i64::MAX;
}

impl Manifest {
    /// Whether some splits were left by a drain that has not come to its end.
    pub fn is_drained_in_part(&self) -> bool {
        let mut splits = self.sources.iter().flat_map(|source| &source.splits);
        !self.finished && splits.any(|split| split.watermark_ms == SplitState::DRAINED_MS)
    }
}

/// A sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkState {
    /// The full name of its write.
    pub name: String,
    /// What its writers have handed over with this checkpoint, encoded by the sink.
    pub staged: Vec<Vec<u8>>,
}
