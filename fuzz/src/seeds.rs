//! Writes the seeds of every corpus, a folder per target: what the encoders really write.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use purlin_fuzz::machines::{self, ALL};
use purlin_fuzz::{block_on, parts};
use purlin_model::bundle::{AnyBundle, Bundle, ElementSides, encode_bundle};
use purlin_model::coder::{Coder, Json, TypedCoder};
use purlin_model::snapshot::{StateLog, StateTable};
use purlin_model::window::{Fixed, Window, WindowFn};
use purlin_model::{Failure, Timestamp, milliseconds};
use purlin_runners::checkpoint::{
    Checkpoints, Manifest, MemoryStorage, OperatorState, Section, SnapshotId, StageState, Storage,
};
#[cfg(feature = "kafka")]
use purlin_runners::checkpoint::{Commit, ManifestRef};
use purlin_runners::core::{Exits, StageRun};
use serde::Serialize;

type Seeds = Vec<Vec<u8>>;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = std::env::args().nth(1).ok_or("usage: seeds FOLDER")?;
    let (files, stores) = block_on(checkpoints())?;
    let all: [(&str, Seeds); 7] = [
        ("state_log", ALL.iter().map(|work| machines::snapshot(work).1).chain([log().into_bytes()]).collect()),
        ("checkpoint_file", files),
        ("checkpoint_store", stores),
        ("shard_restore", shards()),
        ("stage_restore", vec![stage()?]),
        ("coders", coders()?),
        ("text", texts()),
    ];
    for (target, seeds) in all {
        write(Path::new(&folder), target, seeds)?;
    }
    #[cfg(feature = "kafka")]
    for (target, seeds) in [("kafka", records()), ("kafka_wire", wires())] {
        write(Path::new(&folder), target, seeds)?;
    }
    #[cfg(feature = "parquet")]
    write(Path::new(&folder), "parquet", block_on(purlin_fuzz::rows::files())?)?;
    Ok(())
}

fn write(folder: &Path, target: &str, seeds: Seeds) -> Result<(), std::io::Error> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    seeds.into_iter().enumerate().try_for_each(|(number, seed)| fs::write(folder.join(format!("seed-{number}")), seed))
}

fn log() -> StateLog {
    let window = Window::new(Timestamp::from_millis(-5), Timestamp::from_millis(5));
    let mut log = StateLog::default();
    log.put(Window::GLOBAL, b"alice", b"7");
    log.merge(Window::GLOBAL, b"alice", b"+1");
    log.put(window, b"bob", b"3");
    log.delete(window, b"bob");
    log.put(window, b"carol", b"");
    log.drop_window(window);
    log.put(window, b"dora", b"4");
    log
}

/// Files by themselves, and whole stores.
async fn checkpoints() -> Result<(Seeds, Seeds), Box<dyn Error + Send + Sync>> {
    let storage = MemoryStorage::default();
    let checkpoints = Checkpoints::new(Arc::new(storage.clone()), "fuzzed");
    let incarnation = checkpoints.register_incarnation().await?;
    let id = SnapshotId { checkpoint: 1, incarnation, attempt: 0 };
    let section = |worker| Section::new("sum", worker, 2, log());
    let shard = OperatorState { name: "sum".into(), types: vec![("(key)".into(), "u8".into())], shards: vec![vec![1]] };
    let stage = StageState { name: "convert".into(), workers: vec![vec![1]] };
    let manifest = Manifest { operators: vec![shard], stages: vec![stage], ..Manifest::default() };
    let (written, manifest) = checkpoints.write(&id, &[section(0), section(1)], manifest).await?;
    checkpoints.commit(1, &written, incarnation).await?;

    let kinds = ["job", "incarnations/", "segments/", "manifests/", "commits/"];
    let mut files =
        vec![parts_of(0, &encoded(&"fuzzed")), parts_of(1, &encoded(&1_u64)), parts_of(3, &encoded(&manifest))];
    for name in storage.list("").await? {
        let kind = kinds.iter().position(|kind| name.starts_with(kind)).ok_or("an unknown kind")?;
        files.push(parts_of(kind as u8, &storage.get(&name).await?));
    }

    let packed = log().into_bytes();
    let stored = section(0).pack()?.bytes();
    let directory = encoded(&vec![("sum", 0_u32, 2_u32, stored, packed.len() as u64, 0_u64)]);
    let sections = vec![0; stored as usize];
    let mut store = parts::of(&[&packed, &directory, &sections]);
    store.extend(encoded(&manifest));
    Ok((files, vec![store]))
}

/// Of each kind of work: the snapshot of a shard and its entries.
fn shards() -> Seeds {
    let seed = |(number, work)| {
        let (shard, log) = machines::snapshot(work);
        let mut table = StateTable::default();
        table.apply(&log, 0, 1).expect("it is a log");
        let snapshot = encoded(&shard);
        let mut seed = vec![number as u8, 0, 0, 0];
        seed.extend(parts::of(&[&snapshot, &[]]));
        seed.extend(table.log().bytes());
        seed
    };
    ALL.iter().enumerate().map(seed).collect()
}

struct Gone;

impl Exits for Gone {
    fn emit(&mut self, _: usize, _: &mut dyn AnyBundle) -> Result<(), Failure> {
        Ok(())
    }
}

/// Two workers in whose steps elements wait.
fn stage() -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let plan = machines::plan();
    let stage = plan.stages.iter().find(|stage| !stage.views().is_empty()).ok_or("no stage looks views up")?;
    let mut run = StageRun::new(stage.clone(), machines::views(&plan))?;
    let at = Timestamp::from_millis(3);
    let windows = Fixed::of(milliseconds(10)).assign(at);
    let mut bundle = Bundle::new();
    bundle.push(7_i64, ElementSides { windows, ..ElementSides::at(at) });
    run.start_bundle()?;
    run.enter(0, &mut (Box::new(bundle) as Box<dyn AnyBundle>), &mut Gone)?;
    let snapshot = encoded(&run.snapshot()?);
    let mut seed = vec![0];
    seed.extend(parts::of(&[&snapshot]));
    seed.extend(snapshot);
    Ok(seed)
}

fn coders() -> Result<Seeds, Box<dyn Error + Send + Sync>> {
    let sides = ElementSides::at(Timestamp::from_millis(3));
    let json = serde_json::json!({
        "customer": 7, "items": [["shoe", 2]], "at": 1_700_000_000_000_i64, "notes": {"a": ["b", null]},
        "paid": {"Parts": ["Cash", {"Card": {"number": "1", "valid": {"secs": 1, "nanos": 5}}}]},
    });
    let mut as_json = vec![3];
    Json.encode(&json, &mut as_json)?;
    let mut bundles = Vec::new();
    let mut bundle = Bundle::new();
    bundle.push((1_u8, -5_i64), sides);
    encode_bundle(&*TypedCoder::<(u8, i64)>::standard(), &bundle, &mut bundles)?;
    let order = (-7_i64, [("shoe", 2_u32)].as_slice(), Some(0_u32), 5_i64, vec![("note", vec![Some('x'), None])]);
    let nested: Vec<Result<(u8, i128), Vec<Option<&str>>>> = vec![Ok((1, -2)), Err(vec![None, Some("b")])];
    Ok(vec![
        parts_of(0, &encoded(&order)),
        parts_of(1, &encoded(&nested)),
        parts_of(2, &encoded(&sides)),
        parts_of(4, &as_json[1..]),
        as_json,
        parts_of(6, &bundles),
    ])
}

fn texts() -> Seeds {
    let how = |compression: u8, format: u8| (0..64).map(|low| compression << 6 | low).find(|how| how % 6 == format);
    let json = concat!(r#"{"customer": 1, "amount": 2.5, "note": "a\u00e4", "at": 5}"#, "\n\n", r#"{"customer": -1}"#);
    let csv = "customer,amount,note,at\n1,2.5,\"a \"\"b\"\"\nc\",5\r\n2,,x,0\n3,1\n";
    let contents: [(u8, &str); 6] =
        [(0, "\u{feff}one\r\ntwo\n\nlast"), (1, json), (2, json), (3, csv), (4, "a;1;x\n\"b;\";;yy\n"), (5, csv)];
    let plain = contents.iter().map(|(format, text)| (0, *format, text.as_bytes().to_vec()));
    let long = [(0, 0, "a\n".repeat(3_000).into_bytes()), (0, 4, "a;1;b\n".repeat(1_300).into_bytes())];
    let packed = [
        (1, 0, b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\xe4\x02\0\x07\xa1\xea\xdd\x02\0\0\0".to_vec()),
        (2, 0, b"\x28\xb5\x2f\xfd\x20\x02\x11\0\0a\n".to_vec()),
    ];
    plain
        .chain(long)
        .chain(packed)
        .filter_map(|(packing, format, text)| Some(parts_of(how(packing, format)?, &text)))
        .collect()
}

/// Records of a log: how, a number, key, payload.
#[cfg(feature = "kafka")]
fn records() -> Seeds {
    let json = br#"{"customer": 1, "amount": 2.5, "note": "a\u00e4", "at": 5}"#;
    let record = |how: u8, payload: &[u8]| {
        let number = 1_700_000_000_000_i64.to_le_bytes();
        parts_of(how, &[&parts::of(&[&number, b"alice"]), payload].concat())
    };
    let manifest = ManifestRef { name: "manifests/0000000007-000002-000".into(), checksum: 5 };
    let progress = Commit { checkpoint: 7, manifest, incarnation: 2 }.to_record();
    let values = [0, 1, 2, 4, 0x84].map(|how| record(how, json)).into_iter();
    values.chain([record(6, &encoded(&-5_i32)), record(0x36, b""), parts_of(7, &progress)]).collect()
}

/// Records through a broker: how, key, payload unless it is a tombstone, names and values of headers.
#[cfg(feature = "kafka")]
fn wires() -> Seeds {
    let one = parts_of(2, &parts::of(&[b"alice", b"{}", b"trace", b"\x01", b"", b""]));
    let tombstone = parts_of(0x80, &parts::of(&[b"bob"]));
    vec![[one.clone(), tombstone, parts_of(8, &parts::of(&[b"", b""]))].concat(), one]
}

fn parts_of(first: u8, rest: &[u8]) -> Vec<u8> {
    [&[first], rest].concat()
}

fn encoded(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    postcard::to_stdvec(value).expect("a seed can be written")
}
