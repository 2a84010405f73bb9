//! Folders: the contract, processes that race, and processes that die.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::super::tests::keeps_the_contract;
use super::*;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

/// Runs this very test in another process, where [`told`] gives `word`.
fn another_process(test: &str, word: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("the test program"))
        .args(["--exact", &format!("checkpoint::storage::local::tests::{test}"), "--nocapture", "--test-threads=1"])
        .env("PURLIN_TEST_PROCESS", word)
        .env("PURLIN_TEST_FOLDER", folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("another process")
}

/// In a process that [`another_process`] started: its word, and storage in its folder.
fn told() -> Option<(String, LocalStorage)> {
    let word = std::env::var("PURLIN_TEST_PROCESS").ok()?;
    Some((word, LocalStorage::open(std::env::var_os("PURLIN_TEST_FOLDER")?).expect("a folder")))
}

#[test]
fn a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = LocalStorage::open(folder.path().join("made/on/the/way")).expect("it is made");
    block_on(keeps_the_contract(&storage));
    assert!(LocalStorage::existing(folder.path().join("nowhere")).is_err());
    assert!(LocalStorage::existing(folder.path().join("made/on/the/way/top")).is_err(), "it is a file");
}

#[test]
fn foreign_files_are_not_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = LocalStorage::open(folder.path()).expect("a folder");
    fs::write(folder.path().join(".hidden"), "").expect("written");
    fs::write(folder.path().join("two words"), "").expect("written");
    block_on(async {
        storage.put_new("mine", Vec::new()).await.expect("written");
        assert_eq!(storage.list("").await.expect("listed"), ["mine"]);
    });
}

#[test]
fn of_several_processes_one_creates_a_file() {
    const NAMES: usize = 200;
    if let Some((word, storage)) = told() {
        for number in 0..NAMES {
            match block_on(storage.put_new(&format!("commits/{number}"), word.clone().into_bytes())) {
                Ok(()) => block_on(storage.put_new(&format!("won/{number}-{word}"), Vec::new())).expect("written"),
                Err(error) => assert!(matches!(error, StorageError::Exists { .. }), "{error}"),
            }
        }
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["one", "two", "three", "four"];
    let test = "of_several_processes_one_creates_a_file";
    let processes: Vec<_> = words.map(|word| another_process(test, word, folder.path())).into();
    for mut process in processes {
        assert!(process.wait().expect("it ends").success());
    }
    let storage = LocalStorage::open(folder.path()).expect("a folder");
    let won = block_on(storage.list("won/")).expect("listed");
    assert_eq!(won.len(), NAMES, "each name has one winner");
    for win in won {
        let (number, word) = win["won/".len()..].split_once('-').expect("a number and a word");
        assert_eq!(block_on(storage.get(&format!("commits/{number}"))).expect("read"), word.as_bytes());
    }
    assert_eq!(fs::read_dir(folder.path().join(TEMPORARY)).expect("listed").count(), 0);
}

#[test]
fn a_process_that_dies_leaves_whole_files_only() {
    const BYTES: usize = 1 << 20;
    if let Some((word, storage)) = told() {
        for number in 0.. {
            block_on(storage.put_new(&format!("files/{word}-{number}"), vec![b'x'; BYTES])).expect("written");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let storage = LocalStorage::open(folder.path()).expect("a folder");
    let temporary = folder.path().join(TEMPORARY);
    let leftovers = || fs::read_dir(&temporary).expect("listed").count();
    for round in 0..20 {
        let mut process =
            another_process("a_process_that_dies_leaves_whole_files_only", &round.to_string(), folder.path());
        let started = Instant::now();
        let mut written = BTreeSet::new();
        while written.is_empty() && started.elapsed() < Duration::from_secs(30) {
            written.extend(block_on(storage.list(&format!("files/{round}-"))).expect("listed"));
        }
        std::thread::sleep(Duration::from_millis(round));
        process.kill().expect("killed");
        process.wait().expect("it ends");
        if round > 4 && leftovers() > 0 {
            break;
        }
    }
    for name in block_on(storage.list("files/")).expect("listed") {
        let contents = block_on(storage.get(&name)).expect("read");
        assert!(contents.len() == BYTES && contents.iter().all(|byte| *byte == b'x'), "{name} is whole");
    }
    assert!(leftovers() > 0, "none died while it wrote");
    storage.sweep(&temporary, YOUNG).expect("swept");
    assert!(leftovers() > 0, "a young file may be about to be locked");
    storage.sweep(&temporary, Duration::ZERO).expect("swept");
    assert_eq!(leftovers(), 0);
}

#[test]
#[cfg(unix)]
fn a_file_whose_writer_lives_is_not_swept_however_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = LocalStorage::open(folder.path()).expect("a folder");
    let temporary = folder.path().join(TEMPORARY);
    let file = new_file(&temporary).expect("made");
    lock(file.as_file());
    storage.sweep(&temporary, Duration::ZERO).expect("swept");
    assert!(file.path().exists());
    let abandoned = file.keep().map(|(_, path)| path).expect("kept");
    storage.sweep(&temporary, Duration::ZERO).expect("swept");
    assert!(!abandoned.exists());
}

/// A limit on the size of files makes writes fail half-way, as a full disk does.
#[test]
#[cfg(unix)]
fn a_write_that_fails_half_way_leaves_nothing() {
    const LARGE: usize = 1 << 20;
    if let Some((_, storage)) = told() {
        let refused = block_on(storage.put_new("files/large", vec![b'x'; LARGE]));
        assert!(
            matches!(&refused, Err(StorageError::NoSpace { path }) if path.ends_with("files/large")),
            "{refused:?}"
        );
        block_on(storage.put_new("files/small", b"small".to_vec())).expect("there is room for it");
        assert!(matches!(block_on(storage.get("files/large")), Err(StorageError::NotFound { .. })));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let test = "a_write_that_fails_half_way_leaves_nothing";
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().expect("the test program"))
        .args(["--exact", &format!("checkpoint::storage::local::tests::{test}"), "--nocapture"])
        .env("PURLIN_TEST_PROCESS", "limited")
        .env("PURLIN_TEST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .status();
    assert!(limited.expect("another process").success());
    let storage = LocalStorage::existing(folder.path()).expect("a folder");
    assert_eq!(block_on(storage.list("")).expect("listed"), ["files/small"]);
    assert_eq!(fs::read_dir(folder.path().join(TEMPORARY)).expect("listed").count(), 0);
    block_on(storage.put_new("files/large", vec![b'x'; LARGE])).expect("its name is free");
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let path = Path::new("/checkpoints/segments/1");
    let full = in_words(path, "written", ErrorKind::StorageFull.into());
    assert!(matches!(full, StorageError::NoSpace { .. }));
    assert!(full.to_string().contains("/checkpoints/segments/1") && full.to_string().contains("make room"), "{full}");
    let vanished = in_words(path, "written", ErrorKind::NotFound.into());
    assert!(matches!(vanished, StorageError::Other { .. }), "a file that is being written is not missing");
    assert!(matches!(in_words(path, "read", ErrorKind::NotFound.into()), StorageError::NotFound { .. }));
}
