//! Garbage: files that no checkpoint needs which could still be gone on from.
//!
//! A file is deleted only if no live manifest names it, and it is either of an earlier incarnation or, of this one, of a checkpoint below the last
//! confirmed one: a file of this incarnation that is not named yet may be part of the checkpoint that is being written. Files of later
//! incarnations, and files whose names say nothing to this program, stay.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::commit::Commit;
use super::error::CheckpointError;
use super::ledger::Checkpoints;
use super::manifest::Manifest;
use super::names::{self, SnapshotId};

/// What a collection has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many segments.
    pub segments: usize,
    /// How many manifests.
    pub manifests: usize,
}

impl Checkpoints {
    /// Deletes what nothing needs beside the last `keep_newest` committed checkpoints.
    ///
    /// `confirmed` is the newest commit as the job's commit point has it, be that this store or a log; it is always kept. To be called by
    /// `incarnation` after it has fenced all before it; a later one is not disturbed, but makes this one an error.
    pub async fn collect_garbage(
        &self,
        keep_newest: usize,
        confirmed: &Commit,
        incarnation: u64,
    ) -> Result<Collected, CheckpointError> {
        if let Some(by) = self.newest_incarnation().await?.filter(|newest| *newest > incarnation) {
            return Err(CheckpointError::Fenced { incarnation, by });
        }
        let live = self.live(keep_newest, confirmed).await?;
        let oldest = live.iter().map(|(commit, _)| commit.checkpoint).min().unwrap_or(confirmed.checkpoint);
        let manifests: BTreeSet<&str> = live.iter().map(|(commit, _)| commit.manifest.name.as_str()).collect();
        let mut segments: BTreeSet<String> =
            live.iter().flat_map(|(_, manifest)| &manifest.segments).map(|segment| segment.name.clone()).collect();
        {
            let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
            pinned.retain(|name| !segments.contains(name));
            segments.extend(pinned.iter().cloned());
        }
        let is_over = |id: SnapshotId| {
            id.incarnation < incarnation || (id.incarnation == incarnation && id.checkpoint < confirmed.checkpoint)
        };
        // Commits first, segments last: whatever can be reached from what is there, is there, wherever this is interrupted.
        for number in self.commit_numbers().await?.into_iter().filter(|number| *number < oldest) {
            self.storage.delete(&names::commit(number)).await?;
        }
        for name in self.storage.list(names::INCARNATIONS).await? {
            if names::number(names::INCARNATIONS, &name).is_some_and(|number| number < incarnation) {
                self.storage.delete(&name).await?;
            }
        }
        let mut collected = Collected::default();
        for name in self.storage.list(names::MANIFESTS).await? {
            let over = names::snapshot(names::MANIFESTS, &name).is_some_and(is_over);
            if over && !manifests.contains(name.as_str()) {
                self.storage.delete(&name).await?;
                collected.manifests += 1;
            }
        }
        for name in self.storage.list(names::SEGMENTS).await? {
            let over = names::snapshot(names::SEGMENTS, &name).is_some_and(is_over);
            if over && !segments.contains(&name) {
                self.storage.delete(&name).await?;
                collected.segments += 1;
            }
        }
        Ok(collected)
    }

    /// The confirmed checkpoint, and those committed before it that are kept. One that cannot be read keeps nothing.
    async fn live(&self, keep_newest: usize, confirmed: &Commit) -> Result<Vec<(Commit, Manifest)>, CheckpointError> {
        let mut live = vec![(confirmed.clone(), self.load(&confirmed.manifest).await?)];
        let numbers = self.commit_numbers().await?;
        for number in numbers.into_iter().rev().filter(|number| *number < confirmed.checkpoint) {
            if live.len() >= keep_newest {
                break;
            }
            let commit = match self.commit_of(number).await {
                Ok(commit) => commit,
                Err(CheckpointError::Storage(error)) => return Err(error.into()),
                Err(damage) => {
                    tracing::warn!("checkpoint {number} is not kept: {damage}");
                    continue;
                }
            };
            match self.load(&commit.manifest).await {
                Ok(manifest) => live.push((commit, manifest)),
                Err(CheckpointError::Storage(error)) => return Err(error.into()),
                Err(damage) => tracing::warn!("checkpoint {number} is not kept: {damage}"),
            }
        }
        Ok(live)
    }
}
