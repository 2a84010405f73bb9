use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use purlin_model::sink::SinkRun;
use tempfile::TempDir;

use super::part::StagedFile;
use super::*;

mod growing;

fn folder_with(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

/// All names under `dir`, folders with a slash.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .flat_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            match entry.path().is_dir() {
                true => [
                    vec![format!("{name}/")],
                    self::names(&entry.path()).iter().map(|n| format!("{name}/{n}")).collect(),
                ]
                .concat(),
                false => vec![name],
            }
        })
        .collect();
    names.sort();
    names
}

#[test]
fn paths_and_patterns_expand_to_sorted_visible_files() {
    let dir = folder_with(&[
        "b.txt",
        "a.txt",
        "c.csv",
        ".hidden.txt",
        "_SUCCESS",
        "sub/d.txt",
        ".out.tmp-1/part-0.txt",
        "_tmp/e.txt",
        "odd[1].txt",
    ]);
    let check = |path: &str, want: &[&str]| {
        let found = expand(&dir.path().join(path)).unwrap();
        let found: Vec<_> =
            found.iter().map(|file| file.path.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(found, want, "{path}");
    };
    check("a.txt", &["a.txt"]);
    check(".hidden.txt", &[".hidden.txt"]);
    check("odd[1].txt", &["odd[1].txt"]);
    check("?.txt", &["a.txt", "b.txt"]);
    check("[bc].*", &["b.txt", "c.csv"]);
    check("*/*.txt", &["sub/d.txt"]);
    check("**/*.txt", &["a.txt", "b.txt", "odd[1].txt", "sub/d.txt"]);
    check("", &["a.txt", "b.txt", "c.csv", "odd[1].txt", "sub/d.txt"]);
    check("sub/", &["sub/d.txt"]);
    check("s*", &["sub/d.txt"]);
    check("_tmp/*", &["_tmp/e.txt"]);
    check(".out.tmp-1", &[".out.tmp-1/part-0.txt"]);
    assert_eq!(expand(&dir.path().join("a.txt")).unwrap()[0].bytes, 5);
}

#[test]
fn an_empty_folder_is_an_empty_input() {
    let dir = folder_with(&[]);
    assert_eq!(expand(dir.path()).unwrap(), []);
}

#[test]
fn what_names_nothing_is_an_error_with_its_name() {
    let dir = folder_with(&["_x.txt"]);
    let message = |path: &str| expand(&dir.path().join(path)).unwrap_err().to_string();
    assert!(message("none.txt").contains("there is no file or folder `/"), "{}", message("none.txt"));
    assert!(message("none.txt").contains("none.txt`"));
    assert!(message("*.txt").contains("no file matches `/"), "{}", message("*.txt"));
    assert!(message("a***").contains("no valid file pattern"), "{}", message("a***"));
    #[cfg(unix)]
    assert!(expand(Path::new("/dev/null")).unwrap_err().to_string().contains("neither a file nor a folder"));
}

fn once() -> SinkRun {
    SinkRun::once("test")
}

struct Output {
    dir: TempDir,
    folder: OutputFolder,
}

impl Output {
    fn new() -> Self {
        let dir = folder_with(&[]);
        let folder = OutputFolder::new(dir.path().join("out"));
        Output { dir, folder }
    }

    fn write(&self, worker: usize, text: &str) -> StagedFiles {
        write(&self.folder, worker, text)
    }
}

fn write(folder: &OutputFolder, worker: usize, text: &str) -> StagedFiles {
    let mut parts = folder.parts(worker, "txt").unwrap();
    let mut part = parts.create().unwrap();
    part.write_all(text.as_bytes()).unwrap();
    parts.finish(part).unwrap();
    parts.stage().unwrap().unwrap()
}

#[test]
fn output_appears_at_publish_and_holds_what_was_staged() {
    let output = Output::new();
    output.folder.begin(&once()).unwrap();
    let staged = vec![output.write(0, "zero"), output.write(1, "one"), output.write(0, "again")];
    output.write(1, "never staged");
    let _unfinished = output.folder.parts(2, "txt").unwrap().create().unwrap();
    assert!(!output.folder.target().exists());

    output.folder.publish(&staged).unwrap();
    let published = ["out/", "out/part-00000-00000.txt", "out/part-00000-00001.txt", "out/part-00001-00000.txt"];
    assert_eq!(names(output.dir.path()), published);
    assert_eq!(fs::read_to_string(output.folder.target().join("part-00000-00001.txt")).unwrap(), "again");

    output.folder.publish(&staged).unwrap();
    OutputFolder::new(output.folder.target()).publish(&staged).unwrap();
    output.folder.discard().unwrap();
    assert_eq!(names(output.dir.path()), published);
}

#[test]
fn another_process_can_publish() {
    let output = Output::new();
    output.folder.begin(&once()).unwrap();
    let staged = [output.write(0, "zero")];
    OutputFolder::new(output.folder.target()).publish(&staged).unwrap();
    assert_eq!(names(output.dir.path()), ["out/", "out/part-00000-00000.txt"]);
}

#[test]
fn nothing_staged_publishes_an_empty_folder() {
    let output = Output::new();
    output.folder.begin(&once()).unwrap();
    output.folder.publish(&[]).unwrap();
    output.folder.publish(&[]).unwrap();
    assert_eq!(names(output.dir.path()), ["out/"]);
}

#[test]
fn abort_leaves_nothing() {
    let output = Output::new();
    output.folder.discard().unwrap();
    output.folder.begin(&once()).unwrap();
    output.write(0, "zero");
    output.folder.discard().unwrap();
    output.folder.discard().unwrap();
    assert!(names(output.dir.path()).is_empty());
    output.folder.begin(&once()).unwrap();
}

#[test]
fn existing_output_is_refused_at_begin_and_at_publish() {
    let output = Output::new();
    fs::create_dir(output.folder.target()).unwrap();
    let message = output.folder.begin(&once()).unwrap_err().to_string();
    assert!(
        message.contains("out` exists already: choose another path, remove it, or set `.overwrite()`"),
        "{message}"
    );
    assert_eq!(names(output.dir.path()), ["out/"]);

    fs::remove_dir(output.folder.target()).unwrap();
    output.folder.begin(&once()).unwrap();
    let staged = [output.write(0, "zero")];
    fs::create_dir(output.folder.target()).unwrap();
    assert!(matches!(output.folder.publish(&staged), Err(FileError::TargetExists { .. })));
    output.folder.discard().unwrap();
    assert_eq!(names(output.dir.path()), ["out/"]);
}

#[test]
fn overwrite_replaces_earlier_output_and_nothing_else() {
    let output = Output::new();
    output.folder.begin(&once()).unwrap();
    output.folder.publish(&[output.write(0, "old"), output.write(1, "old")]).unwrap();

    let folder = OutputFolder::new(output.folder.target()).overwrite();
    folder.begin(&once()).unwrap();
    let staged = [write(&folder, 0, "new")];
    assert_eq!(fs::read_to_string(folder.target().join("part-00000-00000.txt")).unwrap(), "old");
    folder.publish(&staged).unwrap();
    folder.publish(&staged).unwrap();
    assert_eq!(names(output.dir.path()), ["out/", "out/part-00000-00000.txt"]);
    assert_eq!(fs::read_to_string(folder.target().join("part-00000-00000.txt")).unwrap(), "new");

    fs::write(folder.target().join("thesis.doc"), "years of work").unwrap();
    let message = folder.begin(&once()).unwrap_err().to_string();
    assert!(message.contains("it holds `thesis.doc`, which no sink wrote"), "{message}");

    let file = output.dir.path().join("file");
    fs::write(&file, "").unwrap();
    let message = OutputFolder::new(&file).overwrite().begin(&once()).unwrap_err().to_string();
    assert!(message.contains("it is not a folder"), "{message}");
}

/// A crash between the two renames of a replacement, and one before the old output was removed.
#[test]
fn an_interrupted_replacement_is_completed() {
    for renamed_in in [false, true] {
        let output = Output::new();
        output.folder.begin(&once()).unwrap();
        output.folder.publish(&[output.write(0, "old")]).unwrap();
        let folder = OutputFolder::new(output.folder.target()).overwrite();
        folder.begin(&once()).unwrap();
        let staged = [write(&folder, 0, "new")];
        let hidden = |kind: &str| output.dir.path().join(format!(".out.{kind}-{}", staged[0].run));
        fs::rename(folder.target(), hidden("old")).unwrap();
        if renamed_in {
            fs::rename(hidden("tmp"), folder.target()).unwrap();
        }
        OutputFolder::new(folder.target()).publish(&staged).unwrap();
        assert_eq!(names(output.dir.path()), ["out/", "out/part-00000-00000.txt"]);
        assert_eq!(fs::read_to_string(folder.target().join("part-00000-00000.txt")).unwrap(), "new");
    }
}

#[test]
fn only_this_runs_files_are_published() {
    let output = Output::new();
    let outside = output.dir.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    output.folder.begin(&once()).unwrap();
    let staged = output.write(0, "zero");
    let with_name =
        |name: &str| StagedFiles { files: vec![StagedFile { name: name.into(), bytes: 4 }], ..staged.clone() };
    let with_run = |run: &str| StagedFiles { run: run.into(), ..staged.clone() };
    let foreign = |staged: &[StagedFiles]| matches!(output.folder.publish(staged), Err(FileError::Foreign { .. }));
    assert!(foreign(&[with_name("../outside")]));
    assert!(foreign(&[with_name("part-/../../outside")]));
    assert!(foreign(&[with_run("../../outside")]));
    assert!(foreign(&[staged.clone(), with_run("0123456789abcdef")]));
    assert!(matches!(output.folder.publish(&[with_name("part-9.txt")]), Err(FileError::Lost { .. })));
    output.folder.publish(&[staged]).unwrap();
    assert_eq!(fs::read_to_string(outside).unwrap(), "mine");
}

#[test]
fn a_run_has_one_begin_and_an_existing_parent() {
    let output = Output::new();
    assert!(matches!(output.folder.parts(0, "txt"), Err(FileError::NotBegun { .. })));
    assert!(matches!(output.folder.publish(&[]), Err(FileError::NotBegun { .. })));
    output.folder.begin(&once()).unwrap();
    assert!(matches!(output.folder.begin(&once()), Err(FileError::InUse { .. })));

    let nowhere = OutputFolder::new(output.dir.path().join("no/where"));
    let message = nowhere.begin(&once()).unwrap_err().to_string();
    assert!(message.contains("there is no folder `/") && message.ends_with("no`: create it first"), "{message}");
    assert!(OutputFolder::new("/").begin(&once()).is_err());
    assert!(matches!(OutputFolder::new("").begin(&once()), Err(FileError::NoName { .. })));
}

#[test]
fn relative_and_slashed_targets_have_their_siblings_beside_them() {
    let check = |target: &str, parent: &str, hidden: &str| {
        let folder = OutputFolder::new(target);
        assert_eq!(folder.parent(), Path::new(parent));
        assert_eq!(folder.temporary("1").unwrap(), PathBuf::from(hidden));
    };
    check("out", ".", "./.out.tmp-1");
    check("a/totals.parquet/", "a", "a/.totals.parquet.tmp-1");
    check("/out", "/", "/.out.tmp-1");
}

fn single(output: &Output) -> OutputFolder {
    OutputFolder::new(output.folder.target()).single_file()
}

fn target_text(output: &Output) -> String {
    fs::read_to_string(output.folder.target()).unwrap()
}

#[test]
fn a_single_file_holds_the_parts_one_after_the_other() {
    let output = Output::new();
    let file = single(&output);
    file.begin(&once()).unwrap();
    let staged = [write(&file, 1, "c"), write(&file, 0, "a"), write(&file, 0, "b")];
    write(&file, 1, "never staged");
    assert!(!file.target().exists());

    file.publish(&staged).unwrap();
    assert_eq!((names(output.dir.path()), target_text(&output)), (vec!["out".into()], "abc".into()));
    file.publish(&staged).unwrap();
    single(&output).publish(&staged).unwrap();
    file.discard().unwrap();
    assert_eq!((names(output.dir.path()), target_text(&output)), (vec!["out".into()], "abc".into()));

    let message = single(&output).begin(&once()).unwrap_err().to_string();
    assert!(message.contains("out` exists already"), "{message}");
    fs::write(file.target(), "ab").unwrap();
    assert!(matches!(file.publish(&staged), Err(FileError::Lost { .. })));
}

#[test]
fn nothing_staged_publishes_an_empty_file() {
    let output = Output::new();
    let file = single(&output);
    assert!(matches!(file.publish(&[]), Err(FileError::NotBegun { .. })));
    file.begin(&once()).unwrap();
    file.publish(&[]).unwrap();
    file.publish(&[]).unwrap();
    assert_eq!((names(output.dir.path()), target_text(&output)), (vec!["out".into()], String::new()));
}

#[test]
fn a_single_file_replaces_a_file_and_nothing_else() {
    let output = Output::new();
    fs::write(output.folder.target(), "old").unwrap();
    let file = single(&output).overwrite();
    file.begin(&once()).unwrap();
    let staged = [write(&file, 0, "new")];
    assert_eq!(target_text(&output), "old");
    file.publish(&staged).unwrap();
    assert_eq!((names(output.dir.path()), target_text(&output)), (vec!["out".into()], "new".into()));

    fs::remove_file(file.target()).unwrap();
    fs::create_dir(file.target()).unwrap();
    let message = file.begin(&once()).unwrap_err().to_string();
    assert!(message.contains("out` is not overwritten, because it is not a regular file"), "{message}");
}

fn remove_parts(hidden: &Path) {
    for part in ["part-00000-00000.txt", "part-00001-00000.txt"] {
        fs::remove_file(hidden.join(part)).unwrap();
    }
}

/// A crash at each step of publishing: in the middle of the copy, before and among the removals of parts, before and after the rename.
#[test]
fn an_interrupted_publication_of_a_file_is_completed() {
    type Crash = fn(&Path, &Path);
    let crashes: [Crash; 5] = [
        |hidden, _| fs::write(hidden.join("whole"), "zer").unwrap(),
        |hidden, _| fs::write(hidden.join("whole"), "zeroone").unwrap(),
        |hidden, _| {
            fs::write(hidden.join("whole"), "zeroone").unwrap();
            fs::remove_file(hidden.join("part-00000-00000.txt")).unwrap();
        },
        |hidden, _| {
            fs::write(hidden.join("whole"), "zeroone").unwrap();
            remove_parts(hidden);
        },
        |hidden, target| {
            fs::write(target, "zeroone").unwrap();
            remove_parts(hidden);
        },
    ];
    for crash in crashes {
        let output = Output::new();
        let file = single(&output);
        file.begin(&once()).unwrap();
        let staged = [write(&file, 0, "zero"), write(&file, 1, "one")];
        crash(&output.dir.path().join(format!(".out.tmp-{}", staged[0].run)), output.folder.target());
        single(&output).publish(&staged).unwrap();
        assert_eq!((names(output.dir.path()), target_text(&output)), (vec!["out".into()], "zeroone".into()));
    }
}

#[test]
fn a_file_that_came_meanwhile_is_not_replaced() {
    let output = Output::new();
    let file = single(&output);
    file.begin(&once()).unwrap();
    let staged = [write(&file, 0, "zero")];
    fs::write(file.target(), "mine").unwrap();
    assert!(matches!(file.publish(&staged), Err(FileError::TargetExists { .. })));
    file.discard().unwrap();
    assert_eq!((names(output.dir.path()), target_text(&output)), (vec!["out".into()], "mine".into()));
}
