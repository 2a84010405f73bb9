//! Files in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Storage, StorageError, checked};

/// Files in memory. Clones share them, as processes share a folder.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl MemoryStorage {
    /// Changes a file's bytes, or makes the file: damage that a test wants.
    pub fn overwrite(&self, name: &str, contents: Vec<u8>) {
        self.files().insert(name.into(), contents);
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    fn describe(&self) -> String {
        "memory".into()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        checked(name, "written")?;
        let mut files = self.files();
        if files.contains_key(name) {
            return Err(StorageError::Exists { path: format!("memory:{name}") });
        }
        files.insert(name.into(), contents);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        let there = self.files().get(name).cloned();
        there.ok_or_else(|| StorageError::NotFound { path: format!("memory:{name}") })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        Ok(self.files().keys().filter(|name| name.starts_with(prefix)).cloned().collect())
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.files().remove(name);
        Ok(())
    }
}
