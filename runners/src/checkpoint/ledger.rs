//! The checkpoints of one job, written and read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use purlin_model::snapshot::StateTable;
use serde::de::DeserializeOwned;

use super::error::CheckpointError;
use super::format::{self, FileKind, FormatError};
use super::manifest::{Manifest, ManifestRef};
use super::names::{self, SnapshotId};
use super::segment::{self, PackedSection, Section, SegmentReader};
use super::storage::{Storage, StorageError};

/// So many starts at the same moment are no coincidence.
const REGISTER_TRIES: u64 = 1000;

/// The checkpoints of one job.
///
/// A job [registers](Self::register_incarnation) each of its starts, [writes](Self::write) snapshots, [commits](Self::commit) them, and when
/// it starts again [loads](Self::load) what was [committed](Self::committed) last:
///
/// ```
/// use std::sync::Arc;
/// use purlin_model::{snapshot::StateLog, window::Window};
/// use purlin_runners::checkpoint::{Checkpoints, Manifest, MemoryStorage, Section, SnapshotId};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let checkpoints = Checkpoints::new(Arc::new(MemoryStorage::default()), "totals");
/// let incarnation = checkpoints.register_incarnation().await?;
///
/// let mut log = StateLog::default();
/// log.put(Window::GLOBAL, b"alice", b"7");
/// let sections = [Section::new("total", 0, 1, log)];
/// let id = SnapshotId { checkpoint: 1, incarnation, attempt: 0 };
/// let (manifest, _) = checkpoints.write(&id, &sections, Manifest::default()).await?;
/// checkpoints.commit(1, &manifest, incarnation).await?;
///
/// let committed = checkpoints.committed().await?.unwrap();
/// let manifest = checkpoints.load(&committed.manifest).await?;
/// let state = checkpoints.state(&manifest).await?;
/// assert_eq!(state["total"].len(), 1);
/// # Ok::<(), purlin_model::BoxError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Checkpoints {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) job: Arc<str>,
    /// Segments that no manifest names yet, but one will.
    pub(super) pinned: Arc<Mutex<BTreeSet<String>>>,
}

impl Checkpoints {
    /// The checkpoints of `job` in this storage. Nothing is read or written yet.
    pub fn new(storage: Arc<dyn Storage>, job: &str) -> Self {
        Checkpoints { storage, job: job.into(), pinned: Arc::default() }
    }

    /// The checkpoints that are in this storage, of whatever job; `None` if there are none.
    pub async fn existing(storage: Arc<dyn Storage>) -> Result<Option<Self>, CheckpointError> {
        let mut checkpoints = Checkpoints::new(storage, "");
        match checkpoints.read::<String>(names::JOB, FileKind::Job).await {
            Ok(job) => {
                checkpoints.job = job.into();
                Ok(Some(checkpoints))
            }
            Err(CheckpointError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The job's name.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The place, for messages.
    pub fn describe(&self) -> String {
        self.storage.describe()
    }

    /// Takes the next number for a start of the job: greater than that of every start before, and nobody else's. A place that belongs to another
    /// job is refused.
    pub async fn register_incarnation(&self) -> Result<u64, CheckpointError> {
        self.claim().await?;
        let mut next = self.newest_incarnation().await?.map_or(1, |newest| newest + 1);
        for _ in 0..REGISTER_TRIES {
            let file = format::encode(FileKind::Incarnation, &next)?;
            let is_own = match self.storage.put_new(&names::incarnation(next), file).await {
                Ok(()) => true,
                // Another start, or this one when it was told of an error and tried again: numbers are not scarce.
                Err(StorageError::Exists { .. }) => false,
                Err(error) => return Err(error.into()),
            };
            // Whoever was held up between looking and taking may have a number that was free only because it is long over.
            let newest = self.newest_incarnation().await?.unwrap_or(next);
            if is_own && newest <= next {
                return Ok(next);
            }
            next = newest.max(next) + 1;
        }
        let place = self.file(&names::incarnation(next));
        Err(StorageError::other(place, "registered", "other processes keep registering the same job").into())
    }

    /// The number of the last start, if there was one.
    pub async fn newest_incarnation(&self) -> Result<Option<u64>, CheckpointError> {
        let names = self.storage.list(names::INCARNATIONS).await?;
        Ok(names.iter().filter_map(|name| names::number(names::INCARNATIONS, name)).max())
    }

    /// Writes a snapshot: the changes of state, then the manifest. When it returns, both are durable; nothing is committed.
    ///
    /// The manifest comes with the segments of the checkpoint before, and with all that this store does not know of itself; it is given back
    /// as it was written: with its job and `id`, and the new segment, where something has changed, behind the others.
    pub async fn write(
        &self,
        id: &SnapshotId,
        sections: &[Section],
        manifest: Manifest,
    ) -> Result<(ManifestRef, Manifest), CheckpointError> {
        let packed = sections.iter().map(Section::pack).collect::<Result<Vec<_>, _>>()?;
        self.write_packed(id, &packed, manifest).await
    }

    /// [`write`](Self::write), of sections that are compressed already.
    pub async fn write_packed(
        &self,
        id: &SnapshotId,
        sections: &[PackedSection],
        mut manifest: Manifest,
    ) -> Result<(ManifestRef, Manifest), CheckpointError> {
        if !sections.is_empty() {
            let (segment, file) = segment::encode(names::segment(id), sections)?;
            self.write_once(&segment.name, file).await?;
            manifest.segments.push(segment);
        }
        manifest.job = self.job.to_string();
        (manifest.checkpoint, manifest.incarnation, manifest.attempt) = (id.checkpoint, id.incarnation, id.attempt);
        let file = format::encode(FileKind::Manifest, &manifest)?;
        let written = ManifestRef { name: names::manifest(id), checksum: format::checksum_of(&file) };
        self.write_once(&written.name, file).await?;
        Ok((written, manifest))
    }

    /// The manifest that a commit names. That it is missing, or not what was written, is an error.
    pub async fn load(&self, of: &ManifestRef) -> Result<Manifest, CheckpointError> {
        let file = self.storage.get(&of.name).await?;
        let manifest: Manifest = self.decode(&of.name, FileKind::Manifest, &file)?;
        if format::checksum_of(&file) != of.checksum {
            return Err(self.not_the_one(&of.name));
        }
        self.is_ours(&manifest.job)?;
        Ok(manifest)
    }

    /// The state of all transforms with state, by their full names.
    pub async fn state(&self, manifest: &Manifest) -> Result<BTreeMap<String, StateTable>, CheckpointError> {
        let mut tables = BTreeMap::<String, StateTable>::new();
        for segment in &manifest.segments {
            let reader = SegmentReader::open(&*self.storage, segment).await?;
            for (number, entry) in reader.entries().iter().enumerate() {
                reader.apply(number, tables.entry(entry.operator.clone()).or_default()).await?;
            }
        }
        Ok(tables)
    }

    /// The state of one transform; empty if it has none.
    pub async fn state_of(&self, manifest: &Manifest, transform: &str) -> Result<StateTable, CheckpointError> {
        SegmentReader::table(&self.open_segments(manifest).await?, transform).await
    }

    /// Reads everything that the manifest names, and keeps nothing: whether the checkpoint could be restored.
    pub async fn verify(&self, manifest: &Manifest) -> Result<(), CheckpointError> {
        for segment in &manifest.segments {
            let reader = SegmentReader::open(&*self.storage, segment).await?;
            reader.verify_all().await?;
        }
        Ok(())
    }

    pub(super) async fn open_segments<'a>(
        &'a self,
        manifest: &'a Manifest,
    ) -> Result<Vec<SegmentReader<'a>>, CheckpointError> {
        let mut readers = Vec::with_capacity(manifest.segments.len());
        for segment in &manifest.segments {
            readers.push(SegmentReader::open(&*self.storage, segment).await?);
        }
        Ok(readers)
    }

    /// A file with its place, for messages.
    pub(super) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.storage.describe())
    }

    pub(super) fn not_the_one(&self, name: &str) -> CheckpointError {
        CheckpointError::NotTheOne { file: self.file(name) }
    }

    pub(super) async fn read<T: DeserializeOwned>(&self, name: &str, kind: FileKind) -> Result<T, CheckpointError> {
        let file = self.storage.get(name).await?;
        self.decode(name, kind, &file)
    }

    /// Writes a file whose name is only ever given to these contents: that it is there already, from a try whose outcome was not known, is fine.
    pub(super) async fn write_once(&self, name: &str, file: Vec<u8>) -> Result<(), CheckpointError> {
        let checksum = format::checksum_of(&file);
        match self.storage.put_new(name, file).await {
            Err(StorageError::Exists { path }) => match self.storage.get(name).await {
                Ok(there) if format::checksum_of(&there) == checksum => Ok(()),
                _ => Err(CheckpointError::Storage(StorageError::Exists { path })),
            },
            written => Ok(written?),
        }
    }

    fn decode<T: DeserializeOwned>(&self, name: &str, kind: FileKind, file: &[u8]) -> Result<T, CheckpointError> {
        format::decode(kind, file).map_err(|damage| FormatError { file: self.file(name), damage }.into())
    }

    /// Makes the place this job's, unless it is another's.
    async fn claim(&self) -> Result<(), CheckpointError> {
        let file = format::encode(FileKind::Job, &*self.job)?;
        match self.storage.put_new(names::JOB, file).await {
            Err(StorageError::Exists { .. }) => self.is_ours(&self.read::<String>(names::JOB, FileKind::Job).await?),
            claimed => Ok(claimed?),
        }
    }

    pub(super) fn is_ours(&self, found: &str) -> Result<(), CheckpointError> {
        if *found == *self.job {
            return Ok(());
        }
        let (place, job, found) = (self.describe(), self.job.to_string(), found.to_string());
        Err(CheckpointError::OtherJob { place, job, found })
    }
}
