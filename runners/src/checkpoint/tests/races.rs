//! Starts of one job that race, over a folder.

use std::sync::Barrier;
use std::thread;

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
