//! Damaged files: every flipped bit and every lost byte, of every file, is noticed and named.

use super::*;

/// A store in which every file is small: two incarnations, three checkpoints, a base.
async fn store() -> MemoryStorage {
    let storage = MemoryStorage::default();
    let mut job = Job::start(&storage).await;
    job.checkpoint().await;
    job.checkpoint().await;
    let mut job = Job::start(&storage).await;
    let compaction = job.checkpoints.compact(&job.last.1, job.incarnation).await.expect("compacted");
    assert!(compaction.apply(&mut job.last.1.segments));
    job.checkpoint().await;
    storage
}

async fn damaged(storage: &MemoryStorage) -> Vec<String> {
    let checkpoints = Checkpoints::new(Arc::new(storage.clone()), "totals");
    let found = checkpoints.verify_all().await.expect("the storage itself works");
    let place = storage.describe();
    for Damaged { file, error } in &found {
        assert!(error.to_string().contains(&place), "{error} names {file}");
    }
    found.into_iter().map(|found| found.file).collect()
}

/// What a job that goes on gets: anything but an error has to be what was there before.
async fn restored(storage: &MemoryStorage) -> Result<BTreeMap<String, Vec<StateEntry>>, CheckpointError> {
    let checkpoints = Checkpoints::new(Arc::new(storage.clone()), "totals");
    let commit = checkpoints.committed().await?.expect("a commit is there");
    let manifest = checkpoints.load(&commit.manifest).await?;
    let state = checkpoints.state(&manifest).await?;
    Ok(state.into_iter().map(|(name, table)| (name, table.into_shards(1).remove(0))).collect())
}

#[test]
fn whatever_is_damaged_is_named() {
    block_on(async {
        let storage = store().await;
        assert_eq!(damaged(&storage).await, [""; 0]);
        let intact = restored(&storage).await.expect("intact");
        let names = storage.list("").await.expect("listed");
        assert_eq!(names.len(), 13, "{names:?}");
        let mut changes = 0;
        for name in &names {
            let file = storage.get(name).await.expect("read");
            let flips = (0..file.len() * 8).map(|bit| {
                let mut flipped = file.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                flipped
            });
            let cuts = (0..file.len()).map(|length| file[..length].to_vec());
            let longer = [[&file[..], &[0]].concat(), [&file[..], &file[..]].concat()];
            for changed in flips.chain(cuts).chain(longer) {
                storage.overwrite(name, changed);
                assert_eq!(damaged(&storage).await, [name.as_str()]);
                if let Ok(state) = restored(&storage).await {
                    assert_eq!(state, intact);
                }
                changes += 1;
            }
            storage.delete(name).await.expect("deleted");
            let missing = damaged(&storage).await;
            let may_be_missing = name.starts_with("incarnations/") || name.starts_with("commits/");
            if !may_be_missing {
                assert_eq!(missing, [name.as_str()]);
            }
            storage.overwrite(name, file);
        }
        assert!(changes > 8_000, "{changes}");
    });
}

#[test]
fn files_in_each_others_places_are_noticed() {
    block_on(async {
        let storage = store().await;
        for folder in ["commits/", "manifests/", "segments/", "incarnations/"] {
            let names = storage.list(folder).await.expect("listed");
            let (one, other) = (&names[0], &names[1]);
            let (first, second) = (storage.get(one).await.expect("read"), storage.get(other).await.expect("read"));
            storage.overwrite(one, second.clone());
            storage.overwrite(other, first.clone());
            let mut found = damaged(&storage).await;
            found.sort();
            assert_eq!(found, [one.as_str(), other]);
            storage.overwrite(one, first);
            storage.overwrite(other, second);
        }
    });
}
