//! A job that is killed again and again, at any moment: it goes on from its last commit, and nothing is ever damaged.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;

const TEST: &str = "checkpoint::tests::crashes::a_job_that_is_killed_goes_on_from_its_last_commit";

/// Writes a key with each checkpoint, commits, merges segments and collects garbage, for ever.
async fn run(storage: Arc<dyn Storage>) {
    let checkpoints = Checkpoints::new(storage, "totals");
    let incarnation = checkpoints.register_incarnation().await.expect("registered");
    let mut manifest = match checkpoints.committed().await.expect("readable") {
        Some(commit) => checkpoints.load(&commit.manifest).await.expect("what is committed is intact"),
        None => Manifest::default(),
    };
    loop {
        let checkpoint = manifest.checkpoint + 1;
        let sections = [Section::new("total", 0, 1, put(&[&format!("{checkpoint}")]))];
        let written = checkpoints.write(&snapshot(checkpoint, incarnation), &sections, manifest).await;
        let (reference, made) = written.expect("written");
        checkpoints.commit(checkpoint, &reference, incarnation).await.expect("committed");
        manifest = made;
        if wants_compaction(&manifest.segments) {
            let compaction = checkpoints.compact(&manifest, incarnation).await.expect("compacted");
            assert!(compaction.apply(&mut manifest.segments));
        }
        let confirmed = Commit { checkpoint, manifest: reference, incarnation };
        checkpoints.collect_garbage(2, &confirmed, incarnation).await.expect("collected");
    }
}

#[test]
fn a_job_that_is_killed_goes_on_from_its_last_commit() {
    if let Some(folder) = std::env::var_os("PURLIN_TEST_KILLED") {
        block_on(run(Arc::new(LocalStorage::open(folder).expect("a folder"))));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut last = 0;
    for round in 0..12 {
        let mut job = Command::new(std::env::current_exe().expect("the test program"))
            .args(["--exact", TEST, "--nocapture"])
            .env("PURLIN_TEST_KILLED", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("another process");
        let storage = LocalStorage::open(folder.path()).expect("a folder");
        let checkpoints = Checkpoints::new(Arc::new(storage), "totals");
        // Long enough for some checkpoints, and for another moment within one each time.
        for _ in 0..3000 {
            let newest = block_on(checkpoints.commit_numbers()).expect("readable").last().copied();
            if newest.is_some_and(|newest| newest > last + 3) {
                break;
            }
            assert!(job.try_wait().expect("its state").is_none(), "it goes on until it is killed");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_micros(700 * round));
        job.kill().expect("killed");
        job.wait().expect("it ends");
        block_on(async {
            let commit = checkpoints.committed().await.expect("readable").expect("a commit");
            assert!(commit.checkpoint > last, "it has come further");
            last = commit.checkpoint;
            let manifest = checkpoints.load(&commit.manifest).await.expect("intact");
            let mut all: Vec<String> = (1..=last).map(|checkpoint| checkpoint.to_string()).collect();
            all.sort();
            assert_eq!(keys(&checkpoints, &manifest).await["total"], all);
            let damaged = checkpoints.verify_all().await.expect("readable");
            assert!(damaged.is_empty(), "{damaged:?}");
            let files = checkpoints.storage.list("").await.expect("listed").len();
            assert!(files < 60, "garbage is collected, but there are {files} files");
        });
    }
}
