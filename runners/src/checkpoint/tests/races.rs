//! Starts of one job that race, over a folder.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use async_trait::async_trait;

use super::*;

/// Runs `work` on so many threads at once, each with a ledger of its own over one folder.
fn race<T: Send>(folder: &std::path::Path, threads: usize, work: impl Fn(usize, Checkpoints) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let racers: Vec<_> = (0..threads)
            .map(|number| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    let storage = LocalStorage::open(folder).expect("a folder");
                    let checkpoints = Checkpoints::new(Arc::new(storage), "totals");
                    barrier.wait();
                    work(number, checkpoints)
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().expect("it ends")).collect()
    })
}

#[test]
fn no_two_starts_are_one_incarnation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut taken = race(folder.path(), 8, |_, checkpoints| {
        block_on(async {
            let mut taken = Vec::new();
            for _ in 0..10 {
                taken.push(checkpoints.register_incarnation().await.expect("it registers"));
            }
            assert!(taken.is_sorted());
            taken
        })
    })
    .concat();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 80);
}

/// A storage that shows nothing the first time that it is asked what there is: as if whoever asks was held up with the answer in hand.
struct HeldUp(MemoryStorage, AtomicBool);

#[async_trait]
impl Storage for HeldUp {
    fn describe(&self) -> String {
        self.0.describe()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        self.0.put_new(name, contents).await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        self.0.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        match self.1.swap(true, Ordering::Relaxed) {
            false => Ok(Vec::new()),
            true => self.0.list(prefix).await,
        }
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.0.delete(name).await
    }
}

#[test]
fn a_start_that_was_held_up_gets_no_number_that_is_long_over() {
    let storage = MemoryStorage::default();
    let others = Checkpoints::new(Arc::new(storage.clone()), "totals");
    let late = Checkpoints::new(Arc::new(HeldUp(storage, AtomicBool::new(false))), "totals");
    block_on(async {
        for _ in 0..3 {
            others.register_incarnation().await.expect("it registers");
        }
        let (manifest, _) = others.write(&snapshot(1, 3), &[], Manifest::default()).await.expect("written");
        others.commit(1, &manifest, 3).await.expect("committed");
        let confirmed = others.committed().await.expect("readable").expect("a commit");
        others.collect_garbage(1, &confirmed, 3).await.expect("collected");
        assert_eq!(late.register_incarnation().await.expect("it registers"), 4, "1 and 2 are free again");
    });
}

#[test]
fn of_several_manifests_one_is_committed() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        let outcomes = race(folder.path(), 4, |number, checkpoints| {
            block_on(async {
                // One incarnation, as where a process comes back that was thought dead: nothing but the commit itself decides.
                let id = SnapshotId { checkpoint: 1, incarnation: 1, attempt: number as u32 };
                let sections = [Section::new("total", 0, 1, put(&[&format!("{number}")]))];
                let (manifest, _) = checkpoints.write(&id, &sections, Manifest::default()).await.expect("written");
                (manifest.clone(), checkpoints.commit(1, &manifest, 1).await)
            })
        });
        let won: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).collect();
        assert_eq!(won.len(), 1);
        let lost = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Err(CommitError::Lost { by: 1, .. })));
        assert_eq!(lost.count(), 3);
        let storage = Arc::new(LocalStorage::existing(folder.path()).expect("it is there"));
        let commit = block_on(Checkpoints::new(storage, "totals").committed()).expect("readable").expect("a commit");
        assert_eq!(commit.manifest, won[0].0);
    }
}

#[test]
fn of_several_jobs_one_has_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let outcomes = race(folder.path(), 4, |number, checkpoints| {
        let checkpoints = Checkpoints::new(checkpoints.storage, &format!("job-{number}"));
        block_on(checkpoints.register_incarnation())
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(CheckpointError::OtherJob { .. })));
    assert_eq!(refused.count(), 3);
}
