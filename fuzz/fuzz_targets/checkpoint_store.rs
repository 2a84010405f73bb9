//! A store of checkpoints whose files are intact by their checksums and hold anything: listed, verified, restored, compacted.
//!
//! The parts of the input: the log of a section; the directory of a segment, and what stands behind it; the body of a manifest.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::files::{checksum_of, framed};
use purlin_fuzz::{block_on, parts};
use purlin_model::snapshot::StateTable;
use purlin_runners::checkpoint::format::FileKind;
use purlin_runners::checkpoint::{Checkpoints, Manifest, MemoryStorage, Section, SegmentRef, SnapshotId};

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let log = parts::next(&mut rest);
    let (directory, sections) = (parts::next(&mut rest), parts::next(&mut rest));
    block_on(look_through(log, directory, sections, rest));
});

async fn look_through(log: &[u8], directory: &[u8], sections: &[u8], manifest: &[u8]) {
    let storage = MemoryStorage::default();
    let checkpoints = Checkpoints::new(Arc::new(storage.clone()), "fuzzed");
    let incarnation = checkpoints.register_incarnation().await.expect("the store is new");
    let id = |checkpoint| SnapshotId { checkpoint, incarnation, attempt: 0 };

    let section = Section { operator: "sum".into(), worker: 1, workers: 2, log: log.to_vec() };
    let written = checkpoints.write(&id(1), &[section], Manifest::default()).await;
    let (first, _) = written.expect("any log can be written");
    checkpoints.commit(1, &first, incarnation).await.expect("nobody else commits");

    let mut segment = framed(FileKind::Segment, directory);
    let checksum = checksum_of(&segment);
    segment.extend_from_slice(sections);
    let named = SegmentRef { name: "segments/0000000002-000001-000".into(), bytes: segment.len() as u64, checksum };
    storage.overwrite(&named.name, segment);
    let of_segment = Manifest { segments: vec![named], ..Manifest::default() };
    checkpoints.write(&id(3), &[], of_segment).await.expect("a manifest can be written");

    storage.overwrite("manifests/0000000004-000001-000", framed(FileKind::Manifest, manifest));
    storage.overwrite("commits/0000000004", framed(FileKind::Commit, manifest));

    let mut listed = checkpoints.list().await.unwrap_or_default();
    let _ = checkpoints.verify_all().await;
    let _ = checkpoints.load_newest_intact_before(u64::MAX).await;
    storage.overwrite("commits/0000000004", Vec::new());
    listed.extend(checkpoints.list().await.unwrap_or_default());
    for manifest in listed.into_iter().filter_map(|listed| listed.manifest.ok()) {
        let _ = checkpoints.sizes(&manifest).await;
        let verified = checkpoints.verify(&manifest).await;
        let restored = checkpoints.state(&manifest).await;
        let compacted = checkpoints.compact(&manifest, incarnation).await;
        assert!(verified.is_ok() || restored.is_err(), "what can be restored is intact");
        if let (Ok(before), Ok(compaction)) = (restored, compacted) {
            let mut segments = manifest.segments.clone();
            assert!(compaction.apply(&mut segments));
            let after = checkpoints.state(&Manifest { segments, ..manifest }).await.expect("it was just written");
            let entries = |state: BTreeMap<String, StateTable>| state.values().map(StateTable::len).sum::<usize>();
            assert_eq!(entries(after), entries(before));
        }
    }
}
