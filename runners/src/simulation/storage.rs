//! A simulated storage of checkpoints: slow, forgetful, and sometimes silent about what it has done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::faults::{Fate, Network};
use crate::checkpoint::{Storage, StorageError};

/// The storage; clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedStorage {
    network: Network,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl SimulatedStorage {
    pub(super) fn new(network: Network) -> Self {
        SimulatedStorage { network, files: Arc::default() }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request: `carry_out` is what the storage does when it arrives.
    async fn request<T>(
        &self,
        name: &str,
        doing: &'static str,
        carry_out: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let silent = || StorageError::other(format!("`{name}`"), doing, "the simulated storage did not answer");
        self.network.travel().await;
        let fate = self.network.fate();
        if fate == Fate::Lost {
            return Err(silent());
        }
        let answer = carry_out(&mut self.files());
        self.network.travel().await;
        if fate == Fate::Unanswered { Err(silent()) } else { answer }
    }
}

#[async_trait]
impl Storage for SimulatedStorage {
    fn describe(&self) -> String {
        "the simulated storage".into()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        self.request(name, "written", |files| {
            if files.contains_key(name) {
                return Err(StorageError::Exists { path: name.to_string() });
            }
            files.insert(name.to_string(), contents);
            Ok(())
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        self.request(name, "read", |files| {
            files.get(name).cloned().ok_or_else(|| StorageError::NotFound { path: name.to_string() })
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.request(prefix, "listed", |files| {
            Ok(files.keys().filter(|name| name.starts_with(prefix)).cloned().collect())
        })
        .await
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.request(name, "deleted", |files| {
            files.remove(name);
            Ok(())
        })
        .await
    }
}
