//! A place that is full: what was being written is not there, and what was there stays good.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;

use super::*;

/// Storage that has room for so many more files.
#[derive(Clone)]
struct Limited {
    storage: MemoryStorage,
    room: Arc<AtomicI64>,
}

#[async_trait]
impl Storage for Limited {
    fn describe(&self) -> String {
        self.storage.describe()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        if self.room.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(StorageError::NoSpace { path: name.into() });
        }
        self.storage.put_new(name, contents).await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        self.storage.get(name).await
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        self.storage.get_range(name, range).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.storage.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.storage.delete(name).await
    }
}

/// Runs a job until it has committed three checkpoints, and compacts the last.
async fn run(storage: Arc<dyn Storage>) -> Result<u64, CommitError> {
    let checkpoints = Checkpoints::new(storage, "totals");
    let incarnation = checkpoints.register_incarnation().await?;
    let mut manifest = match checkpoints.committed().await? {
        Some(commit) => checkpoints.load(&commit.manifest).await?,
        None => Manifest::default(),
    };
    while manifest.checkpoint < 3 {
        let checkpoint = manifest.checkpoint + 1;
        let sections = [Section::new("total", 0, 1, put(&[&format!("{checkpoint}")]))];
        let (written, made) = checkpoints.write(&snapshot(checkpoint, incarnation), &sections, manifest).await?;
        checkpoints.commit(checkpoint, &written, incarnation).await?;
        manifest = made;
    }
    checkpoints.compact(&manifest, incarnation).await?;
    Ok(incarnation)
}

#[test]
fn a_job_goes_on_when_there_is_room_again() {
    block_on(async {
        let files = 2 + 3 * 3 + 1;
        for room in 0..files {
            let storage = Limited { storage: MemoryStorage::default(), room: Arc::new(AtomicI64::new(room)) };
            let full = run(Arc::new(storage.clone())).await;
            let Err(CommitError::Store(CheckpointError::Storage(error))) = &full else { panic!("{full:?}") };
            assert!(matches!(error, StorageError::NoSpace { .. }), "{error}");

            let checkpoints = Checkpoints::new(Arc::new(storage.storage.clone()), "totals");
            let found = checkpoints.verify_all().await.expect("the storage works");
            let known = if room == 0 { vec!["job"] } else { vec![] };
            assert_eq!(
                found.iter().map(|found| found.file.as_str()).collect::<Vec<_>>(),
                known,
                "with room for {room}"
            );

            storage.room.store(100, Ordering::Relaxed);
            run(Arc::new(storage.clone())).await.expect("there is room");
            let commit = checkpoints.committed().await.expect("readable").expect("it is committed");
            let manifest = checkpoints.load(&commit.manifest).await.expect("it is intact");
            assert_eq!(keys(&checkpoints, &manifest).await["total"], ["1", "2", "3"]);
        }
    });
}
