//! `checkpoint list | show | verify`, over the snapshots that are kept of every version.

use purlin_tests::Place;

const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/snapshots/v1");

/// What `totals checkpoint` answers about a store.
fn answer(place: &Place, question: &str, store: &str) -> String {
    place.ok(&format!("totals checkpoint {question} --checkpoint-dir {store}"))
}

/// A copy of the snapshots.
fn copy(place: &Place) -> String {
    let store = place.path("store");
    for name in std::fs::read_dir(SNAPSHOTS).expect("the snapshots").flatten() {
        let into = store.join(name.file_name());
        if name.path().is_file() {
            std::fs::create_dir_all(&store).expect("a folder");
            std::fs::copy(name.path(), into).expect("copied");
            continue;
        }
        std::fs::create_dir_all(&into).expect("a folder");
        for file in std::fs::read_dir(name.path()).expect("a folder").flatten() {
            std::fs::copy(file.path(), into.join(file.file_name())).expect("copied");
        }
    }
    store.display().to_string()
}

#[test]
fn all_checkpoints_are_listed() {
    let listed = answer(&Place::new(), "list --job-name golden", SNAPSHOTS);
    let lines: Vec<Vec<&str>> = listed.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
    let numbers: Vec<_> = lines.iter().map(|line| (line[0], line[1], line[2], line[3])).collect();
    let written = "2023-11-14T22:13:20Z";
    assert_eq!(
        numbers,
        [("1", "1", written, "committed"), ("2", "1", written, "committed"), ("3", "2", written, "committed")]
    );
    assert!(listed.starts_with("job golden in "), "{listed}");
}

#[test]
fn a_checkpoint_is_shown() {
    let place = Place::new();
    let newest = answer(&place, "show", SNAPSHOTS);
    for fact in [
        "checkpoint 3 of job golden",
        "incarnation   2, attempt 1",
        "fingerprint   feedbeef01234567",
        "orders/0  watermark 1969-12-31T23:59:59.999Z, position 0x00ff",
        "orders/1  ended",
        "state of totals/total",
        "keeps sum: i64",
        "sink write totals\n  1 piece staged",
    ] {
        assert!(newest.contains(fact), "{fact}: {newest}");
    }
    assert!(answer(&place, "show 2", SNAPSHOTS).starts_with("checkpoint 2 of job golden"));
}

#[test]
fn state_is_shown_entry_by_entry() {
    let place = Place::new();
    let state = answer(&place, "show --state totals/total", SNAPSHOTS);
    assert_eq!(
        state,
        "window\tkey\tvalue\n\
         GLOBAL\t\"alice\"\t\"7\"\n\
         [1969-12-31T23:59:00Z, 1970-01-01T00:00:00Z) tag 7\t\"\"\t\"empty key\"\n\
         [1970-01-01T00:00:00Z, 1970-01-01T00:01:00Z)\t\"alice\"\t\"new\"\tthen \"+1\"\tthen \"+2\"\n"
    );
    let first = answer(&place, "show --state totals/total --limit 1", SNAPSHOTS);
    assert!(first.ends_with("GLOBAL\t\"alice\"\t\"7\"\n… and 2 more: a higher --limit shows them\n"), "{first}");
}

#[test]
fn damaged_files_are_named() {
    let place = Place::new();
    assert!(answer(&place, "verify", SNAPSHOTS).contains("are intact"));
    let store = copy(&place);
    let segment = "segments/0000000003-000002-001";
    let path = place.path("store").join(segment);
    let mut bytes = std::fs::read(&path).expect("a segment");
    *bytes.last_mut().expect("bytes") ^= 1;
    std::fs::write(&path, bytes).expect("written");
    std::fs::remove_file(place.path("store/manifests/0000000001-000001-000")).expect("removed");

    let outcome = place.run(&format!("totals checkpoint verify --checkpoint-dir {store}"));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for fact in ["2 damaged or missing files", segment, "wrong checksum", "manifests/0000000001-000001-000", "missing"]
    {
        assert!(outcome.stderr.contains(fact), "{fact}: {}", outcome.stderr);
    }
    std::fs::remove_file(place.path("store/job")).expect("removed");
    let outcome = place.run(&format!("totals checkpoint verify --checkpoint-dir {store}"));
    assert!(outcome.code == Some(2) && outcome.stderr.contains("--job-name"), "{outcome:?}");
    let outcome = place.run(&format!("totals checkpoint verify --checkpoint-dir {store} --job-name golden"));
    assert!(outcome.code == Some(1) && outcome.stderr.contains("3 damaged or missing files"), "{outcome:?}");
    let listed = answer(&place, "list --job-name golden", &store);
    assert!(listed.contains("damaged: ") && listed.contains("missing"), "{listed}");
}

#[test]
fn what_is_not_there_is_said() {
    let place = Place::new();
    let refused = |question: &str, facts: &[&str]| {
        let outcome = place.run(&format!("totals checkpoint {question}"));
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        for fact in facts {
            assert!(outcome.stderr.contains(fact), "{fact}: {}", outcome.stderr);
        }
    };
    let golden = |question: &str| format!("{question} --checkpoint-dir {SNAPSHOTS}");
    refused("list --checkpoint-dir nowhere", &["nowhere is not there"]);
    refused("verify --checkpoint-dir .", &["no checkpoints in ."]);
    refused(&golden("list --job-name totals"), &["job `golden`", "job `totals`"]);
    refused(&golden("show 9"), &["no checkpoint 9"]);
    refused(&golden("show --state nothing"), &["no state of `nothing`", "enrich, totals/total"]);
    refused("list --checkpoint-dir s3://bucket/prefix", &["without object stores", "`s3`"]);
    assert_eq!(place.names(), [""; 0], "nothing is made");
}
