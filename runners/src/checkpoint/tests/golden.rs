//! Snapshots that earlier versions wrote, in `tests/data/snapshots`: they are readable for ever.
//!
//! To add those of a new version: run `PURLIN_WRITE_SNAPSHOTS=v2 cargo test -p purlin-runners --lib checkpoint::tests::golden`, which
//! writes a folder that is not there yet, and commit it. A folder that is there is never changed. What a field that came later is in an older
//! snapshot, [`expected`] says.

use std::path::PathBuf;

use purlin_model::Timestamp;
use purlin_model::source::AnySplit;

use super::*;

const JOB: &str = "golden";

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/snapshots"))
}

fn window(start: i64, end: i64, tag: u64) -> Window {
    Window { tag, ..Window::new(Timestamp::from_millis(start), Timestamp::from_millis(end)) }
}

/// Every field says something else.
fn manifest() -> Manifest {
    let split = |name: &str, position: &[u8]| AnySplit { name: name.into(), position: position.into() };
    let read = SplitState { split: split("orders/0", b"\x00\xff"), finished: false, watermark_ms: -1 };
    let ended = SplitState { split: split("orders/1", b""), finished: true, watermark_ms: i64::MAX };
    Manifest {
        created_ms: 1_700_000_000_000,
        fingerprint: 0xfeed_beef_0123_4567,
        parallelism: 3,
        finished: true,
        cluster: Some("kafka broker-1:9092".into()),
        operators: vec![OperatorState {
            name: "totals/total".into(),
            types: vec![("sum".into(), "i64".into()), ("count".into(), "u64".into())],
            shards: vec![b"one".to_vec(), b"".to_vec(), b"three".to_vec()],
        }],
        stages: vec![StageState { name: "stage 2".into(), workers: vec![b"held".to_vec(), b"".to_vec()] }],
        sources: vec![SourceState { name: "read orders".into(), splits: vec![read, ended] }],
        sinks: vec![SinkState { name: "write totals".into(), staged: vec![b"part-7".to_vec()] }],
        ..Manifest::default()
    }
}

/// The changes of three checkpoints: every kind of record, in several windows, of two transforms and workers.
fn sections() -> [Vec<Section>; 3] {
    let (minute, tagged) = (window(0, 60_000, 0), window(-60_000, 0, 7));
    let first = log(|log| {
        log.put(Window::GLOBAL, b"alice", b"7");
        log.put(minute, b"alice", b"old");
        log.put(minute, b"bob", b"gone");
        log.put(tagged, b"", b"empty key");
    });
    let second = log(|log| {
        log.put(minute, b"alice", b"new");
        log.merge(minute, b"alice", b"+1");
        log.delete(minute, b"bob");
        log.put(window(60_000, 120_000, 0), b"carol", b"dropped");
    });
    let third = log(|log| {
        log.merge(minute, b"alice", b"+2");
        log.drop_window(window(60_000, 120_000, 0));
    });
    let other = log(|log| log.put(tagged, &[0xff; 300], &[0; 1000]));
    [
        vec![Section::new("totals/total", 0, 1, first), Section::new("enrich", 1, 2, other)],
        vec![Section::new("totals/total", 0, 1, second)],
        vec![Section::new("totals/total", 0, 1, third)],
    ]
}

/// What all versions read as: the state of the third checkpoint, in which the first two are one base.
fn expected() -> (Manifest, BTreeMap<String, Vec<StateEntry>>) {
    let entry = |window, key: &[u8], value: &[u8], deltas: &[&[u8]]| StateEntry {
        window,
        key: key.into(),
        value: value.into(),
        deltas: deltas.iter().map(|delta| delta.to_vec()).collect(),
    };
    let (minute, tagged) = (window(0, 60_000, 0), window(-60_000, 0, 7));
    let totals = vec![
        entry(Window::GLOBAL, b"alice", b"7", &[]),
        entry(tagged, b"", b"empty key", &[]),
        entry(minute, b"alice", b"new", &[b"+1", b"+2"]),
    ];
    let enrich = vec![entry(tagged, &[0xff; 300], &[0; 1000], &[])];
    let named = Manifest { job: JOB.into(), checkpoint: 3, incarnation: 2, attempt: 1, ..manifest() };
    (named, BTreeMap::from([("totals/total".to_string(), totals), ("enrich".to_string(), enrich)]))
}

async fn write(storage: LocalStorage) {
    let checkpoints = Checkpoints::new(Arc::new(storage), JOB);
    let mut segments = Vec::new();
    for (index, sections) in sections().iter().enumerate() {
        let incarnation = if index == 1 { 1 } else { checkpoints.register_incarnation().await.expect("registered") };
        let id = SnapshotId { checkpoint: index as u64 + 1, incarnation, attempt: (index == 2).into() };
        let written = checkpoints.write(&id, sections, Manifest { segments, ..manifest() }).await;
        let (reference, mut made) = written.expect("written");
        checkpoints.commit(id.checkpoint, &reference, incarnation).await.expect("committed");
        if index == 1 {
            let compaction = checkpoints.compact(&made, incarnation).await.expect("compacted");
            assert!(compaction.apply(&mut made.segments));
        }
        segments = made.segments;
    }
}

#[test]
fn snapshots_of_all_versions_are_read() {
    if let Ok(version) = std::env::var("PURLIN_WRITE_SNAPSHOTS") {
        let folder = folder().join(version);
        assert!(!folder.exists(), "{} is there and stays as it is", folder.display());
        block_on(write(LocalStorage::open(&folder).expect("a folder")));
        std::fs::remove_dir(folder.join(".writing")).expect("nothing is being written");
    }
    let mut versions = 0;
    for version in std::fs::read_dir(folder()).expect("the snapshots are there") {
        let path = version.expect("listed").path();
        if !path.is_dir() {
            continue;
        }
        versions += 1;
        block_on(async {
            let storage = Arc::new(LocalStorage::existing(&path).expect("it is a folder"));
            let checkpoints = Checkpoints::existing(storage).await.expect("readable").expect("it is a store");
            assert_eq!(checkpoints.job(), JOB);
            let damaged = checkpoints.verify_all().await.expect("readable");
            assert!(damaged.is_empty(), "{}: {damaged:?}", path.display());
            assert_eq!(checkpoints.newest_incarnation().await.expect("readable"), Some(2));

            let commit = checkpoints.committed().await.expect("readable").expect("a commit");
            assert_eq!((commit.checkpoint, commit.incarnation), (3, 2));
            let manifest = checkpoints.load(&commit.manifest).await.expect("intact");
            let (expected, state) = expected();
            assert_eq!(manifest.segments.len(), 2);
            assert_eq!(Manifest { segments: Vec::new(), ..manifest.clone() }, expected);
            let found = checkpoints.state(&manifest).await.expect("intact");
            let found: BTreeMap<_, _> =
                found.into_iter().map(|(name, table)| (name, sorted(table.into_shards(1).remove(0)))).collect();
            assert_eq!(found, state.into_iter().map(|(name, entries)| (name, sorted(entries))).collect());
            let before = checkpoints.load_newest_intact_before(3).await.expect("readable").expect("there is one");
            assert_eq!(before.1.segments.len(), 2, "the segments before they were merged");
        });
    }
    assert!(versions > 0);
}

fn sorted(mut entries: Vec<StateEntry>) -> Vec<StateEntry> {
    entries.sort_by(|a, b| (a.window, &a.key).cmp(&(b.window, &b.key)));
    entries
}
