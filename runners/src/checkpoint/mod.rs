//! The checkpoint store: what a streaming job needs to go on after a failure, as files that are written once.
//!
//! One folder (or bucket prefix) belongs to one job:
//!
//! | file | what it is |
//! |---|---|
//! | `job` | whose folder it is |
//! | `incarnations/I` | start number I of the job: whoever creates the file is it |
//! | `segments/N-I-A` | what has changed in the state since the checkpoint before N, as incarnation I wrote it at attempt A |
//! | `segments/N-I-A-base` | the segments of checkpoint N, merged into one |
//! | `manifests/N-I-A` | all that checkpoint N is: the segments of its state, positions of sources, staged output |
//! | `commits/N` | which manifest checkpoint N is: whoever creates the file has committed it |
//!
//! No file is ever overwritten, so a reader needs no lock and a writer that comes too late does no harm. What counts is decided by one
//! operation alone, the creation of a file that is not there ([`Storage::put_new`]). Every file says what it is, in which version of its
//! format, and carries checksums ([`mod@format`]).
//!
//! Architecture invariant: nothing here knows an engine; state is bytes ([`StateLog`](purlin_model::snapshot::StateLog)).

mod commit;
mod compaction;
mod error;
pub mod format;
mod garbage;
mod inspect;
mod ledger;
mod manifest;
mod names;
mod segment;
mod storage;

pub use commit::Commit;
pub use compaction::{Compaction, wants_compaction};
pub use error::{CheckpointError, CommitError};
pub use garbage::Collected;
pub use inspect::{Damaged, Listed, StateSize};
pub use ledger::Checkpoints;
pub use manifest::{Manifest, ManifestRef, OperatorState, SegmentRef, SinkState, SourceState, SplitState, StageState};
pub use names::SnapshotId;
pub use segment::{PackedSection, Section};
#[cfg(feature = "object-store")]
pub use storage::ObjectStorage;
pub use storage::{LocalStorage, MemoryStorage, Storage, StorageError, existing_storage, open_storage};

#[cfg(test)]
mod tests;
