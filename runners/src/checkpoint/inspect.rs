//! Looking at a checkpoint store from outside, beside a job that may be running.

use std::collections::{BTreeMap, BTreeSet};

use super::commit::Commit;
use super::error::CheckpointError;
use super::format::FileKind;
use super::ledger::Checkpoints;
use super::manifest::{Manifest, ManifestRef};
use super::names::{self, SnapshotId};
use super::segment::SegmentReader;

/// A file that is not as it was written, or is missing.
#[derive(Debug)]
pub struct Damaged {
    /// Its name in the store.
    pub file: String,
    /// What is wrong with it.
    pub error: CheckpointError,
}

/// A snapshot that is in the store.
#[derive(Debug)]
pub struct Listed {
    /// Which one.
    pub id: SnapshotId,
    /// Whether a commit names it. One that none names is being written, was given up, or is known to the log whose transactions commit the job.
    pub committed: bool,
    /// All that it is, if it can be read.
    pub manifest: Result<Manifest, CheckpointError>,
}

/// How much there is of a transform's state, as changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// In how many sections.
    pub sections: usize,
    /// As they are applied.
    pub bytes: u64,
    /// As they are stored.
    pub stored_bytes: u64,
}

impl Checkpoints {
    /// All snapshots, in order.
    pub async fn list(&self) -> Result<Vec<Listed>, CheckpointError> {
        let mut listed = BTreeMap::new();
        for name in self.storage.list(names::MANIFESTS).await? {
            let Some(id) = names::snapshot(names::MANIFESTS, &name) else { continue };
            let manifest = self.read::<Manifest>(&name, FileKind::Manifest).await;
            listed.insert(id, Listed { id, committed: false, manifest });
        }
        for commit in self.commits().await? {
            let Some(id) = names::snapshot(names::MANIFESTS, &commit.manifest.name) else { continue };
            listed.insert(id, Listed { id, committed: true, manifest: self.load(&commit.manifest).await });
        }
        // What the running job has collected as garbage meanwhile was not committed last.
        listed.retain(|_, of| of.committed || !matches!(of.manifest, Err(CheckpointError::Missing { .. })));
        Ok(listed.into_values().collect())
    }

    /// How much state each transform has.
    pub async fn sizes(&self, manifest: &Manifest) -> Result<BTreeMap<String, StateSize>, CheckpointError> {
        let mut sizes = BTreeMap::<String, StateSize>::new();
        for reader in self.open_segments(manifest).await? {
            for entry in reader.entries() {
                let size = sizes.entry(entry.operator.clone()).or_default();
                size.sections += 1;
                size.bytes += entry.length;
                size.stored_bytes += entry.stored;
            }
        }
        Ok(sizes)
    }

    async fn commits(&self) -> Result<Vec<Commit>, CheckpointError> {
        let mut commits = Vec::new();
        for number in self.commit_numbers().await? {
            match self.commit_of(number).await {
                Ok(commit) => commits.push(commit),
                Err(CheckpointError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(commits)
    }

    /// Reads every file that a job could need, and gives those that are damaged or missing. An error is one of the storage itself.
    pub async fn verify_all(&self) -> Result<Vec<Damaged>, CheckpointError> {
        let mut found = Findings::default();
        let job = self.read::<String>(names::JOB, FileKind::Job).await;
        found.note(names::JOB, job.and_then(|job| self.is_ours(&job)))?;
        for name in self.storage.list(names::INCARNATIONS).await? {
            let Some(number) = names::number(names::INCARNATIONS, &name) else { continue };
            let there = self.read::<u64>(&name, FileKind::Incarnation).await;
            let same = there.and_then(|there| if there == number { Ok(()) } else { Err(self.not_the_one(&name)) });
            found.note(&name, same)?;
        }
        let mut manifests = Vec::new();
        for number in self.commit_numbers().await? {
            let commit = self.commit_of(number).await;
            manifests.extend(found.note(&names::commit(number), commit)?.map(|commit| commit.manifest));
        }
        let mut verified = BTreeSet::new();
        for of in &manifests {
            let manifest = self.load(of).await;
            if let Some(manifest) = found.note(&of.name, manifest)? {
                self.verify_segments(&manifest, &mut verified, &mut found).await?;
            }
        }
        self.verify_uncommitted(&manifests, &mut verified, &mut found).await?;
        found.drop_collected(self).await
    }

    /// Manifests that no commit names: one that is being committed, or the truth of a log's transaction.
    async fn verify_uncommitted(
        &self,
        committed: &[ManifestRef],
        verified: &mut BTreeSet<String>,
        found: &mut Findings,
    ) -> Result<(), CheckpointError> {
        let committed: BTreeSet<&str> = committed.iter().map(|of| of.name.as_str()).collect();
        for name in self.storage.list(names::MANIFESTS).await? {
            if committed.contains(name.as_str()) || names::snapshot(names::MANIFESTS, &name).is_none() {
                continue;
            }
            let manifest = self.read::<Manifest>(&name, FileKind::Manifest).await;
            if let Some(manifest) = found.note(&name, manifest)? {
                self.verify_segments(&manifest, verified, found).await?;
            }
        }
        Ok(())
    }

    async fn verify_segments(
        &self,
        manifest: &Manifest,
        verified: &mut BTreeSet<String>,
        found: &mut Findings,
    ) -> Result<(), CheckpointError> {
        for segment in &manifest.segments {
            // Under one name there is one content, so two manifests that differ about it are told apart by their checksums.
            if verified.insert(format!("{}:{}:{}", segment.name, segment.bytes, segment.checksum)) {
                let verified = async { SegmentReader::open(&*self.storage, segment).await?.verify_all().await };
                found.note(&segment.name, verified.await)?;
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Findings(Vec<Damaged>);

impl Findings {
    fn note<T>(&mut self, file: &str, read: Result<T, CheckpointError>) -> Result<Option<T>, CheckpointError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(CheckpointError::Storage(error)) => Err(error.into()),
            Err(error) => {
                self.0.push(Damaged { file: file.into(), error });
                Ok(None)
            }
        }
    }

    /// What is missing because the running job has collected it meanwhile is not damaged: then whatever named it is gone, too.
    async fn drop_collected(self, checkpoints: &Checkpoints) -> Result<Vec<Damaged>, CheckpointError> {
        if !self.0.iter().any(|found| matches!(found.error, CheckpointError::Missing { .. })) {
            return Ok(self.0);
        }
        let mut named: BTreeSet<String> = BTreeSet::from([names::JOB.to_string()]);
        for commit in checkpoints.commits().await.unwrap_or_default() {
            named.insert(commit.manifest.name);
        }
        for name in checkpoints.storage.list(names::MANIFESTS).await? {
            if let Ok(manifest) = checkpoints.read::<Manifest>(&name, FileKind::Manifest).await {
                named.extend(manifest.segments.into_iter().map(|segment| segment.name));
            }
        }
        let stays =
            |found: &Damaged| !matches!(found.error, CheckpointError::Missing { .. }) || named.contains(&found.file);
        Ok(self.0.into_iter().filter(stays).collect())
    }
}
