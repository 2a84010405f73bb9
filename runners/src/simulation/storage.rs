//! A simulated storage of checkpoints: slow, forgetful, sometimes silent about what it has done, and sometimes late with it.
//!
//! It may leave part of a segment or of a manifest, though no [`Storage`] should: what no commit names is never read, and what one names
//! is checked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;

use super::faults::{Fate, Network};
use super::world::BROKERS;
use crate::checkpoint::{Checkpoints, Manifest, MemoryStorage, Storage, StorageError};

/// The storage; clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedStorage {
    network: Network,
    files: Arc<Mutex<Files>>,
}

type Files = BTreeMap<String, Vec<u8>>;

/// By when a write that is late is carried out.
const LATEST_MS: u64 = 30_000;

impl SimulatedStorage {
    pub(super) fn new(network: Network) -> Self {
        SimulatedStorage { network, files: Arc::default() }
    }

    /// Changes a byte of some file of some snapshot, as a disk does that is going to fail; whether there was one.
    pub(super) fn rot(&self) -> bool {
        let mut files = self.files();
        let mut snapshots: Vec<_> = files.iter_mut().filter(|(name, _)| names_a_snapshot(name)).collect();
        let random = |bound| self.network.world().random(|random| random.usize(0..bound));
        if snapshots.is_empty() {
            return false;
        }
        let (_, file) = snapshots.swap_remove(random(snapshots.len()));
        match file.len() {
            0 => false,
            length => {
                file[random(length)] ^= 1;
                true
            }
        }
    }

    /// The manifest that the newest commit here names, for someone who looks at the disk. What a job goes on from is that checkpoint or, where
    /// transactions commit, a later one that could not be noted.
    pub(super) fn newest_manifest(&self, job: &str) -> Option<Manifest> {
        let disk = MemoryStorage::default();
        self.files().iter().for_each(|(name, file)| disk.overwrite(name, file.clone()));
        let checkpoints = Checkpoints::new(Arc::new(disk), job);
        let commit = checkpoints.committed().now_or_never()?.ok()??;
        checkpoints.load(&commit.manifest).now_or_never()?.ok()
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        lock(&self.files)
    }

    /// One request to read: `carry_out` is what the storage does when it arrives.
    async fn read<T>(
        &self,
        name: &str,
        doing: &'static str,
        carry_out: impl FnOnce(&Files) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.network.travel().await;
        if self.network.fate() != Fate::Arrives {
            return Err(silent(name, doing));
        }
        let answer = carry_out(&self.files());
        self.network.travel().await;
        answer
    }

    /// One request to change something.
    async fn write(
        &self,
        name: &str,
        doing: &'static str,
        carry_out: impl FnOnce(&mut Files) -> Result<(), StorageError> + Send + 'static,
    ) -> Result<(), StorageError> {
        self.network.travel().await;
        match self.network.fate_of_write() {
            Fate::Arrives => {
                let answer = carry_out(&mut self.files());
                self.network.travel().await;
                return answer;
            }
            Fate::Unanswered => {
                let _ = carry_out(&mut self.files());
                self.network.travel().await;
            }
            Fate::Late => {
                let world = self.network.world();
                let delay = world.random(|random| random.u64(0..LATEST_MS));
                let (sleep, files) = (world.sleep(Duration::from_millis(delay)), self.files.clone());
                let later = async move {
                    sleep.await;
                    let _ = carry_out(&mut lock(&files));
                };
                world.spawn(BROKERS, Box::pin(later));
            }
            Fate::Torn if names_a_snapshot(name) => {
                let mut files = self.files();
                let was_there = files.contains_key(name);
                let _ = carry_out(&mut files);
                if let Some(file) = files.get_mut(name).filter(|_| !was_there) {
                    file.truncate(self.network.world().random(|random| random.usize(0..file.len().max(1))));
                }
            }
            Fate::Torn | Fate::Lost => {}
        }
        Err(silent(name, doing))
    }
}

fn lock(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

fn silent(name: &str, doing: &'static str) -> StorageError {
    StorageError::other(format!("`{name}`"), doing, "the simulated storage did not answer")
}

fn names_a_snapshot(name: &str) -> bool {
    name.starts_with("segments/") || name.starts_with("manifests/")
}

#[async_trait]
impl Storage for SimulatedStorage {
    fn describe(&self) -> String {
        "the simulated storage".into()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        let path = name.to_string();
        self.write(name, "written", |files| {
            if files.contains_key(&path) {
                return Err(StorageError::Exists { path });
            }
            files.insert(path, contents);
            Ok(())
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        self.read(name, "read", |files| {
            files.get(name).cloned().ok_or_else(|| StorageError::NotFound { path: name.to_string() })
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.read(prefix, "listed", |files| Ok(files.keys().filter(|name| name.starts_with(prefix)).cloned().collect()))
            .await
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        let path = name.to_string();
        self.write(name, "deleted", move |files| {
            files.remove(&path);
            Ok(())
        })
        .await
    }
}
