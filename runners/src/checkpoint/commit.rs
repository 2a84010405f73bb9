//! Commits: which manifest a checkpoint is.
//!
//! The file `commits/N` is created by at most one process; that is the compare-and-swap by which starts of a job agree. Where a
//! transaction of a log is the commit point instead, commits are notes of what it has decided.

use purlin_model::BoxError;
use serde::{Deserialize, Serialize};

use super::error::{CheckpointError, CommitError};
use super::format::{self, FileKind};
use super::ledger::Checkpoints;
use super::manifest::{Manifest, ManifestRef};
use super::names;
use super::storage::StorageError;

/// The version of a record's bytes.
const RECORD_VERSION: u8 = 1;

/// A checkpoint that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its number.
    pub checkpoint: u64,
    /// What it is.
    pub manifest: ManifestRef,
    /// The start of the job that committed it.
    pub incarnation: u64,
}

impl Commit {
    /// As the record of the job's progress, which a log's transaction commits together with the output.
    ///
    /// ```
    /// use purlin_runners::checkpoint::{Commit, ManifestRef};
    /// let commit = Commit { checkpoint: 7, manifest: ManifestRef { name: "manifests/7".into(), checksum: 1 }, incarnation: 2 };
    /// assert_eq!(Commit::from_record(&commit.to_record()).unwrap(), commit);
    /// assert!(Commit::from_record(b"\xff").unwrap_err().to_string().contains("format is 255"));
    /// ```
    pub fn to_record(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![RECORD_VERSION]).expect("numbers and names encode")
    }

    /// Reads such a record.
    pub fn from_record(bytes: &[u8]) -> Result<Self, BoxError> {
        match bytes.split_first() {
            Some((&RECORD_VERSION, rest)) => Ok(postcard::from_bytes(rest)?),
            Some((version, _)) => {
                Err(format!("its format is {version}, and this program knows {RECORD_VERSION}").into())
            }
            None => Err("it is empty".into()),
        }
    }
}

impl Checkpoints {
    /// Commits a checkpoint whose manifest is written. Again with the same arguments it succeeds again.
    ///
    /// It is lost to a start of the job that has registered since, or has committed this checkpoint or a later one. So a process that was
    /// held up and comes back after years, when its number's commit has been collected as garbage, still learns that it is late.
    pub async fn commit(&self, checkpoint: u64, manifest: &ManifestRef, incarnation: u64) -> Result<(), CommitError> {
        let lost = |by| Err(CommitError::Lost { checkpoint, incarnation, by });
        if let Some(by) = self.newest_incarnation().await?.filter(|newest| *newest > incarnation) {
            return lost(by);
        }
        let commit = Commit { checkpoint, manifest: manifest.clone(), incarnation };
        let file = format::encode(FileKind::Commit, &commit).map_err(CheckpointError::from)?;
        match self.storage.put_new(&names::commit(checkpoint), file).await {
            Err(StorageError::Exists { .. }) => {
                let there = self.commit_of(checkpoint).await?;
                if there != commit {
                    return lost(there.incarnation);
                }
            }
            created => created?,
        }
        match self.committed().await? {
            Some(newest) if newest.checkpoint > checkpoint => lost(newest.incarnation),
            _ => Ok(()),
        }
    }

    /// The newest commit, if there is one.
    pub async fn committed(&self) -> Result<Option<Commit>, CheckpointError> {
        match self.newest_commit().await? {
            Some(newest) => Ok(Some(self.commit_of(newest).await?)),
            None => Ok(None),
        }
    }

    /// The number of the newest commit, whether or not that can be read.
    pub async fn newest_commit(&self) -> Result<Option<u64>, CheckpointError> {
        Ok(self.commit_numbers().await?.last().copied())
    }

    /// The newest committed checkpoint below `checkpoint` of which everything is there and intact: what an at-least-once job goes on from when
    /// what it should go on from is damaged. (Exactly-once would repeat output.) The checkpoints that follow still have to
    /// count up from the newest commit.
    pub async fn load_newest_intact_before(
        &self,
        checkpoint: u64,
    ) -> Result<Option<(Commit, Manifest)>, CheckpointError> {
        let numbers = self.commit_numbers().await?;
        for number in numbers.into_iter().rev().filter(|number| *number < checkpoint) {
            match self.intact(number).await {
                Ok(found) => return Ok(Some(found)),
                Err(CheckpointError::Storage(error)) => return Err(error.into()),
                Err(damage) => tracing::warn!("checkpoint {number} cannot be gone on from, either: {damage}"),
            }
        }
        Ok(None)
    }

    /// The numbers of all commits, in order.
    pub(super) async fn commit_numbers(&self) -> Result<Vec<u64>, CheckpointError> {
        let names = self.storage.list(names::COMMITS).await?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| names::number(names::COMMITS, name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The commit with this number.
    pub(super) async fn commit_of(&self, number: u64) -> Result<Commit, CheckpointError> {
        let name = names::commit(number);
        let commit: Commit = self.read(&name, FileKind::Commit).await?;
        if commit.checkpoint != number {
            return Err(self.not_the_one(&name));
        }
        Ok(commit)
    }

    async fn intact(&self, number: u64) -> Result<(Commit, Manifest), CheckpointError> {
        let commit = self.commit_of(number).await?;
        let manifest = self.load(&commit.manifest).await?;
        self.verify(&manifest).await?;
        Ok((commit, manifest))
    }
}
