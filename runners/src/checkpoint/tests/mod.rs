//! The ledger, over storage in memory and in a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use purlin_model::snapshot::{StateEntry, StateLog};
use purlin_model::window::Window;

use super::*;

mod crashes;
mod damage;
mod full_disk;
mod golden;
mod races;
mod written;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

fn log(changes: impl FnOnce(&mut StateLog)) -> StateLog {
    let mut log = StateLog::default();
    changes(&mut log);
    log
}

fn put(keys: &[&str]) -> StateLog {
    log(|log| keys.iter().for_each(|key| log.put(Window::GLOBAL, key.as_bytes(), b"value")))
}

fn snapshot(checkpoint: u64, incarnation: u64) -> SnapshotId {
    SnapshotId { checkpoint, incarnation, attempt: 0 }
}

/// The keys of a checkpoint's state, by transform.
async fn keys(checkpoints: &Checkpoints, manifest: &Manifest) -> BTreeMap<String, Vec<String>> {
    let state = checkpoints.state(manifest).await.expect("the state is intact");
    let names = |entries: Vec<StateEntry>| {
        let mut names: Vec<_> = entries.into_iter().map(|entry| String::from_utf8(entry.key).expect("text")).collect();
        names.sort();
        names
    };
    state.into_iter().map(|(name, table)| (name, names(table.into_shards(1).remove(0)))).collect()
}

/// A job that writes a key with each checkpoint, and commits it.
struct Job {
    checkpoints: Checkpoints,
    incarnation: u64,
    last: (ManifestRef, Manifest),
}

impl Job {
    async fn start(storage: &MemoryStorage) -> Job {
        let checkpoints = Checkpoints::new(Arc::new(storage.clone()), "totals");
        let incarnation = checkpoints.register_incarnation().await.expect("it registers");
        let last = match checkpoints.committed().await.expect("commits can be read") {
            Some(commit) => {
                let manifest = checkpoints.load(&commit.manifest).await.expect("the manifest is intact");
                (commit.manifest, manifest)
            }
            None => Default::default(),
        };
        Job { checkpoints, incarnation, last }
    }

    async fn write(&mut self) {
        let checkpoint = self.last.1.checkpoint + 1;
        let sections = [Section::new("total", 0, 1, put(&[&format!("{checkpoint}")]))];
        let id = snapshot(checkpoint, self.incarnation);
        self.last = self.checkpoints.write(&id, &sections, self.last.1.clone()).await.expect("it is written");
    }

    async fn commit(&self) -> Result<(), CommitError> {
        self.checkpoints.commit(self.last.1.checkpoint, &self.last.0, self.incarnation).await
    }

    async fn checkpoint(&mut self) {
        self.write().await;
        self.commit().await.expect("it is committed");
    }

    async fn collect(&self, keep_newest: usize) -> Result<Collected, CheckpointError> {
        let confirmed = self.checkpoints.committed().await?.expect("something is committed");
        self.checkpoints.collect_garbage(keep_newest, &confirmed, self.incarnation).await
    }
}

#[test]
fn what_is_committed_is_restored() {
    block_on(async {
        let storage = MemoryStorage::default();
        let mut job = Job::start(&storage).await;
        assert_eq!(job.checkpoints.committed().await.expect("no commit"), None);
        job.checkpoint().await;
        job.checkpoint().await;
        job.write().await;

        let again = Job::start(&storage).await;
        assert_eq!((again.incarnation, again.last.1.checkpoint), (2, 2));
        let keys = keys(&again.checkpoints, &again.last.1).await;
        assert_eq!(keys, BTreeMap::from([("total".to_string(), vec!["1".to_string(), "2".to_string()])]));
        assert_eq!(again.last.1.job, "totals");
    });
}

#[test]
fn a_commit_belongs_to_one_incarnation() {
    block_on(async {
        let storage = MemoryStorage::default();
        let mut old = Job::start(&storage).await;
        old.checkpoint().await;
        old.commit().await.expect("it is committed still");
        old.write().await;
        let mut new = Job::start(&storage).await;
        let lost = old.commit().await;
        assert!(matches!(lost, Err(CommitError::Lost { checkpoint: 2, incarnation: 1, by: 2 })), "{lost:?}");
        new.checkpoint().await;
        assert_eq!(new.checkpoints.committed().await.expect("readable").expect("a commit").incarnation, 2);
    });
}

#[test]
fn a_late_comer_loses_where_its_commits_place_was_collected() {
    block_on(async {
        let storage = MemoryStorage::default();
        let mut old = Job::start(&storage).await;
        old.write().await;
        let mut new = Job::start(&storage).await;
        for _ in 0..5 {
            new.checkpoint().await;
        }
        new.collect(1).await.expect("it is collected");
        assert_eq!(storage.list("commits/").await.expect("listed"), ["commits/0000000005"]);
        // The newest incarnation's file is what the old one looks at first; the commits alone have to do, too.
        storage.delete("incarnations/000002").await.expect("deleted");
        let lost = old.commit().await;
        assert!(matches!(lost, Err(CommitError::Lost { checkpoint: 1, by: 2, .. })), "{lost:?}");
        assert_eq!(new.checkpoints.committed().await.expect("readable").expect("a commit").checkpoint, 5);
    });
}

#[test]
fn another_jobs_folder_is_refused() {
    block_on(async {
        let storage = MemoryStorage::default();
        Job::start(&storage).await.checkpoint().await;
        let other = Checkpoints::new(Arc::new(storage.clone()), "counts");
        let error = other.register_incarnation().await.expect_err("it is another's");
        assert!(matches!(&error, CheckpointError::OtherJob { found, .. } if found == "totals"), "{error}");
        let commit = other.committed().await.expect("readable").expect("a commit");
        assert!(matches!(other.load(&commit.manifest).await, Err(CheckpointError::OtherJob { .. })));
        let found = Checkpoints::existing(Arc::new(storage)).await.expect("readable").expect("it is there");
        assert_eq!(found.job(), "totals");
        assert!(Checkpoints::existing(Arc::new(MemoryStorage::default())).await.expect("readable").is_none());
    });
}

#[test]
fn damage_is_named_and_at_least_once_goes_further_back() {
    block_on(async {
        let storage = MemoryStorage::default();
        let mut job = Job::start(&storage).await;
        for _ in 0..4 {
            job.checkpoint().await;
        }
        let (checkpoints, newest) = (&job.checkpoints, &job.last.1);
        storage.delete(&newest.segments[2].name).await.expect("deleted");
        let error = checkpoints.state(newest).await.expect_err("a segment is missing").to_string();
        assert!(error.contains(&newest.segments[2].name) && error.contains("missing"), "{error}");
        let (commit, intact) = checkpoints.load_newest_intact_before(4).await.expect("readable").expect("there is one");
        assert_eq!((commit.checkpoint, intact.checkpoint), (2, 2));
        checkpoints.verify(&intact).await.expect("it is intact");

        let manifest = storage.get(&commit.manifest.name).await.expect("there");
        storage.overwrite(&job.last.0.name, manifest);
        let error = checkpoints.load(&job.last.0).await.expect_err("it is another manifest");
        assert!(matches!(error, CheckpointError::NotTheOne { .. }), "{error}");
        storage.delete(&job.last.0.name).await.expect("deleted");
        let error = checkpoints.load(&job.last.0).await.expect_err("it is missing");
        assert!(matches!(error, CheckpointError::Missing { .. }), "{error}");
    });
}

#[test]
fn compaction_says_the_same_in_one_segment() {
    block_on(async {
        let storage = MemoryStorage::default();
        let mut job = Job::start(&storage).await;
        for _ in 0..8 {
            job.checkpoint().await;
        }
        assert!(!wants_compaction(&job.last.1.segments));
        job.checkpoint().await;
        assert!(wants_compaction(&job.last.1.segments));
        let compaction = job.checkpoints.compact(&job.last.1, job.incarnation).await.expect("it is compacted");
        let before = keys(&job.checkpoints, &job.last.1).await;

        // The job goes on meanwhile, and its garbage is collected.
        job.checkpoint().await;
        assert_eq!(job.collect(1).await.expect("collected").segments, 0);
        let mut merged = job.last.1.clone();
        merged.segments.pop();
        assert!(compaction.apply(&mut merged.segments));
        assert_eq!(merged.segments.len(), 1);
        assert_eq!(keys(&job.checkpoints, &merged).await, before);
        assert!(!compaction.apply(&mut merged.segments), "it is applied already");

        assert!(compaction.apply(&mut job.last.1.segments));
        job.checkpoint().await;
        assert_eq!(job.last.1.segments.len(), 3);
        assert_eq!(job.collect(1).await.expect("collected"), Collected { segments: 9, manifests: 1 });
        assert_eq!(keys(&job.checkpoints, &job.last.1).await["total"].len(), 11);
        assert_eq!(storage.list("segments/").await.expect("listed").len(), 3);
    });
}

#[test]
fn compaction_of_nothing_needs_no_segment() {
    block_on(async {
        let storage = MemoryStorage::default();
        let job = Job::start(&storage).await;
        let gone = log(|log| {
            log.put(Window::GLOBAL, b"a", b"");
            log.drop_window(Window::GLOBAL);
        });
        let sections = [Section::new("total", 0, 1, gone)];
        let (_, manifest) =
            job.checkpoints.write(&snapshot(1, 1), &sections, Manifest::default()).await.expect("it is written");
        let compaction = job.checkpoints.compact(&manifest, 1).await.expect("it is compacted");
        let mut segments = manifest.segments;
        assert!(compaction.apply(&mut segments));
        assert_eq!(segments, []);
    });
}

#[test]
fn garbage_is_what_no_kept_checkpoint_needs() {
    block_on(async {
        let storage = MemoryStorage::default();
        let mut old = Job::start(&storage).await;
        for _ in 0..3 {
            old.checkpoint().await;
        }
        old.write().await;
        let mut new = Job::start(&storage).await;
        assert!(matches!(old.collect(1).await, Err(CheckpointError::Fenced { incarnation: 1, by: 2 })));
        // Written, not committed: the old incarnation's fourth is garbage, this one's is not.
        new.write().await;
        storage.overwrite("segments/notes.txt", b"somebody's".to_vec());
        assert_eq!(new.collect(2).await.expect("collected"), Collected { segments: 1, manifests: 2 });
        let names = storage.list("").await.expect("listed");
        assert_eq!(
            names,
            [
                "commits/0000000002",
                "commits/0000000003",
                "incarnations/000002",
                "job",
                "manifests/0000000002-000001-000",
                "manifests/0000000003-000001-000",
                "manifests/0000000004-000002-000",
                "segments/0000000001-000001-000",
                "segments/0000000002-000001-000",
                "segments/0000000003-000001-000",
                "segments/0000000004-000002-000",
                "segments/notes.txt",
            ]
        );
        new.commit().await.expect("it is committed");
        assert_eq!(new.collect(0).await.expect("collected"), Collected { segments: 0, manifests: 2 });
    });
}

#[test]
fn a_checkpoint_without_changes_needs_no_segment() {
    block_on(async {
        let job = Job::start(&MemoryStorage::default()).await;
        let (_, manifest) = job.checkpoints.write(&snapshot(1, 1), &[], Manifest::default()).await.expect("written");
        assert_eq!(manifest.segments, []);
        assert!(job.checkpoints.state(&manifest).await.expect("intact").is_empty());
    });
}

#[test]
fn a_name_is_given_to_one_content() {
    block_on(async {
        let job = Job::start(&MemoryStorage::default()).await;
        let sections = [Section::new("total", 0, 1, put(&["a"]))];
        let once = job.checkpoints.write(&snapshot(1, 1), &sections, Manifest::default()).await.expect("written");
        let again = job.checkpoints.write(&snapshot(1, 1), &sections, Manifest::default()).await.expect("the same");
        assert_eq!(once, again);
        let others = [Section::new("total", 0, 1, put(&["b"]))];
        let error = job.checkpoints.write(&snapshot(1, 1), &others, Manifest::default()).await;
        assert!(matches!(error, Err(CheckpointError::Storage(StorageError::Exists { .. }))), "{error:?}");
    });
}
