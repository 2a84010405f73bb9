//! Whatever a job writes is what it reads.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use purlin_model::Timestamp;
use purlin_model::snapshot::StateTable;
use purlin_model::source::AnySplit;

use super::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let text = any::<String>;
    let operator = (text(), vec((text(), text()), 0..3), vec(bytes(), 0..3));
    let split = (text(), bytes(), any::<bool>(), any::<i64>());
    let split = split.prop_map(|(name, position, finished, watermark_ms)| SplitState {
        split: AnySplit { name, position },
        finished,
        watermark_ms,
    });
    let numbers = (any::<i64>(), any::<u64>(), any::<u32>(), any::<bool>(), option::of(text()));
    let operators = vec(operator.prop_map(|(name, types, shards)| OperatorState { name, types, shards }), 0..3);
    let stages = vec((text(), vec(bytes(), 0..3)).prop_map(|(name, workers)| StageState { name, workers }), 0..3);
    let sources = vec((text(), vec(split, 0..3)).prop_map(|(name, splits)| SourceState { name, splits }), 0..3);
    let sinks = vec((text(), vec(bytes(), 0..3)).prop_map(|(name, staged)| SinkState { name, staged }), 0..3);
    (numbers, operators, stages, sources, sinks).prop_map(|(numbers, operators, stages, sources, sinks)| {
        let (created_ms, fingerprint, parallelism, finished, cluster) = numbers;
        let kept = Manifest { operators, stages, sources, sinks, ..Manifest::default() };
        Manifest { created_ms, fingerprint, parallelism, finished, cluster, ..kept }
    })
}

/// Sections of one checkpoint: of one of three transforms, with puts, deletes and dropped windows.
fn sections() -> impl Strategy<Value = Vec<Section>> {
    let change = (0..6_u8, 0..3_i64, 0..20_u8, bytes());
    let section = (0..3_u8, 0..4_usize, vec(change, 0..30)).prop_map(|(operator, worker, changes)| {
        let written = log(|log| {
            for (kind, end, key, value) in changes {
                let window = Window::new(Timestamp::from_millis(0), Timestamp::from_millis(end + 1));
                match kind {
                    0 => log.drop_window(window),
                    1 => log.delete(window, &[key]),
                    2 => {
                        log.put(window, &[key], &value);
                        log.merge(window, &[key], &value);
                    }
                    _ => log.put(window, &[key], &value),
                }
            }
        });
        Section::new(format!("transform {operator}"), worker, 4, written)
    });
    vec(section, 0..6)
}

fn entries(state: BTreeMap<String, StateTable>) -> BTreeMap<String, Vec<StateEntry>> {
    let sorted = |table: StateTable| {
        let mut entries = table.into_shards(1).remove(0);
        entries.sort_by(|a, b| (a.window, &a.key).cmp(&(b.window, &b.key)));
        entries
    };
    let kept = state.into_iter().map(|(name, table)| (name, sorted(table)));
    kept.filter(|(_, entries)| !entries.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(
        checkpoints in vec((manifest(), sections()), 1..5),
        compacted_after in 0..4_usize,
    ) {
        block_on(async {
            let storage = MemoryStorage::default();
            let ledger = Checkpoints::new(Arc::new(storage), "totals");
            let incarnation = ledger.register_incarnation().await.expect("registered");
            let (mut segments, mut expected) = (Vec::new(), BTreeMap::<String, StateTable>::new());
            for (index, (manifest, sections)) in checkpoints.into_iter().enumerate() {
                for section in &sections {
                    let table = expected.entry(section.operator.clone()).or_default();
                    table.apply(&section.log, section.worker as usize, section.workers as usize).expect("a log");
                }
                let id = SnapshotId { checkpoint: index as u64 + 1, incarnation, attempt: 7 };
                let manifest = Manifest { segments, ..manifest };
                let (written, made) = ledger.write(&id, &sections, manifest.clone()).await.expect("written");
                ledger.commit(id.checkpoint, &written, incarnation).await.expect("committed");
                let read = ledger.load(&written).await.expect("read");
                assert_eq!(read, made);
                let (checkpoint, attempt) = (id.checkpoint, id.attempt);
                let named = Manifest { job: "totals".into(), checkpoint, incarnation, attempt, ..manifest };
                assert_eq!(read, Manifest { segments: made.segments.clone(), ..named });
                assert_eq!(entries(ledger.state(&read).await.expect("intact")), entries(expected.clone()));
                assert!(ledger.verify_all().await.expect("readable").is_empty());
                segments = made.segments.clone();
                if index == compacted_after {
                    let compaction = ledger.compact(&made, incarnation).await.expect("compacted");
                    assert!(compaction.apply(&mut segments));
                }
            }
        });
    }
}
