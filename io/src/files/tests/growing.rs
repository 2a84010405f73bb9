//! Output that grows with each checkpoint.

use purlin_model::sink::Publishing;

use super::*;

/// The place of a job's output. Each start of the job has a sink of its own, as a process has.
struct Job {
    dir: TempDir,
}

impl Job {
    fn new() -> Self {
        Job { dir: folder_with(&[]) }
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn fresh(&self) -> OutputFolder {
        self.start(1, false)
    }

    fn resumed(&self, incarnation: u64) -> OutputFolder {
        self.start(incarnation, true)
    }

    fn start(&self, incarnation: u64, resumes: bool) -> OutputFolder {
        let folder = OutputFolder::new(self.target());
        folder.begin(&growing("totals", incarnation, resumes)).unwrap();
        folder
    }

    /// What a start as `run` says against the output.
    fn refusal(&self, run: &SinkRun) -> String {
        OutputFolder::new(self.target()).begin(run).unwrap_err().to_string()
    }

    /// What can be seen in the target, sorted by name.
    fn visible(&self) -> Vec<String> {
        let mut files = expand(&self.target()).unwrap();
        files.sort();
        files.iter().map(|file| fs::read_to_string(&file.path).unwrap()).collect()
    }

    /// The hidden folders beside the target.
    fn hidden(&self) -> Vec<PathBuf> {
        let siblings = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        siblings.filter(|path| path.is_dir() && *path != self.target()).collect()
    }
}

fn growing(job: &str, incarnation: u64, resumes: bool) -> SinkRun {
    SinkRun { job: job.into(), publishing: Publishing::PerCheckpoint { incarnation, resumes } }
}

#[test]
fn output_grows_with_each_checkpoint() {
    let job = Job::new();
    let folder = job.fresh();
    assert!(job.visible().is_empty());
    let mut parts = folder.parts(3, "txt").unwrap();
    assert_eq!(parts.stage().unwrap(), None);
    for (n, text) in ["first", "second"].into_iter().enumerate() {
        let mut part = parts.create().unwrap();
        part.write_all(text.as_bytes()).unwrap();
        parts.finish(part).unwrap();
        let staged = [parts.stage().unwrap().unwrap(), write(&folder, 4, &format!("{text} of another"))];
        assert_eq!(parts.stage().unwrap(), None);
        let _unfinished = parts.create().unwrap();
        assert_eq!(job.visible().len(), 2 * n);
        folder.publish(&staged).unwrap();
        folder.publish(&staged).unwrap();
        folder.publish(&[]).unwrap();
        assert_eq!(job.visible()[2 * n..], [text.to_owned(), format!("{text} of another")]);
    }
    folder.discard().unwrap();
    assert_eq!(job.visible(), ["first", "first of another", "second", "second of another"]);
}

#[test]
fn names_follow_time_and_never_meet() {
    let job = Job::new();
    let mut written = Vec::new();
    for incarnation in 1..4 {
        let folder = job.start(incarnation, incarnation > 1);
        for worker in [1, 0, 1] {
            let text = format!("{incarnation} {}", written.len());
            // Each opens its writer anew.
            folder.publish(&[write(&folder, worker, &text)]).unwrap();
            written.push(text);
        }
    }
    assert_eq!(job.visible(), written);
}

#[test]
fn a_start_that_was_held_up_takes_nothing_away_from_a_later_one() {
    let job = Job::new();
    let later = job.start(2, false);
    later.publish(&[write(&later, 0, "of the later")]).unwrap();
    let held_up = OutputFolder::new(job.target()).overwrite();
    let refused = held_up.begin(&growing("totals", 1, false)).unwrap_err();
    assert!(matches!(refused, FileError::Superseded { incarnation: 1, later: 2, .. }), "{refused}");
    assert_eq!(job.visible(), ["of the later"]);
}

#[test]
fn what_was_committed_beside_another_output_is_missed() {
    let (here, there) = (Job::new(), Job::new());
    let first = here.fresh();
    let staged = [write(&first, 0, "committed")];
    let elsewhere = there.resumed(2);
    let refused = elsewhere.publish(&staged).unwrap_err();
    assert!(matches!(refused, FileError::Elsewhere { .. }), "{refused}");
    let again = here.resumed(2);
    again.publish(&staged).unwrap();
    assert_eq!(here.visible(), ["committed"]);
}

#[test]
fn a_finished_job_leaves_its_output_only() {
    let job = Job::new();
    let folder = job.fresh();
    folder.publish(&[write(&folder, 0, "a")]).unwrap();
    assert_eq!(job.hidden().len(), 1);
    drop(folder);
    assert!(job.hidden().is_empty());
}

#[test]
fn the_next_incarnation_publishes_what_was_committed_and_discards_the_rest() {
    let job = Job::new();
    let before = job.fresh();
    let (first, second) = (write(&before, 0, "first"), write(&before, 0, "second"));
    before.publish(std::slice::from_ref(&first)).unwrap();
    write(&before, 0, "uncommitted");
    let _unfinished = before.parts(1, "txt").unwrap().create().unwrap();
    drop(before);

    let folder = job.resumed(2);
    let own = write(&folder, 0, "third");
    folder.publish(&[first.clone(), second.clone()]).unwrap();
    folder.discard().unwrap();
    folder.publish(&[own]).unwrap();
    folder.publish(&[first, second]).unwrap();
    assert_eq!(job.visible(), ["first", "second", "third"]);
    assert_eq!(job.hidden().len(), 1);
}

#[test]
fn an_incarnation_before_the_first_checkpoint_is_nothing() {
    let job = Job::new();
    let sink = OutputFolder::new(job.target());
    for incarnation in 1..4 {
        sink.begin(&growing("totals", incarnation, false)).unwrap();
        write(&sink, 0, "uncommitted");
        sink.discard().unwrap();
        assert_eq!(job.hidden().len(), 1);
    }
    assert!(job.visible().is_empty());
}

#[test]
fn what_a_consumer_takes_away_does_not_come_back() {
    let job = Job::new();
    let folder = job.fresh();
    let staged = [write(&folder, 0, "taken"), write(&folder, 0, "left")];
    folder.publish(&staged).unwrap();
    fs::remove_file(&expand(&job.target()).unwrap()[0].path).unwrap();
    folder.publish(&staged).unwrap();
    assert_eq!(job.visible(), ["left"]);

    let later = [write(&folder, 0, "later")];
    fs::remove_dir_all(job.target()).unwrap();
    folder.publish(&staged).unwrap();
    assert!(!job.target().exists());
    folder.publish(&later).unwrap();
    assert_eq!(job.visible(), ["later"]);

    fs::remove_dir_all(job.target()).unwrap();
    let folder = job.resumed(2);
    folder.publish(&later).unwrap();
    assert!(job.visible().is_empty());
}

#[test]
fn another_process_can_publish_into_a_target_that_was_taken_away() {
    let job = Job::new();
    let folder = job.fresh();
    let staged = [write(&folder, 0, "a")];
    fs::remove_dir_all(job.target()).unwrap();
    OutputFolder::new(job.target()).publish(&staged).unwrap();
    assert_eq!(job.visible(), ["a"]);
}

#[test]
fn a_zombie_does_no_harm() {
    let job = Job::new();
    let zombie = job.fresh();
    let committed = [write(&zombie, 0, "committed"), write(&zombie, 1, "committed, too")];
    let uncommitted = [write(&zombie, 0, "uncommitted")];

    let folder = job.resumed(2);
    folder.publish(&committed[..1]).unwrap();
    zombie.publish(&committed).unwrap();
    folder.publish(&committed).unwrap();
    let own = [write(&folder, 0, "own")];
    zombie.discard().unwrap();
    folder.discard().unwrap();
    for staged in [&committed[1..], &uncommitted] {
        assert!(matches!(zombie.publish(staged), Err(FileError::Superseded { incarnation: 1, later: 2, .. })));
    }
    zombie.parts(0, "txt").unwrap().create().unwrap_err();
    folder.publish(&own).unwrap();
    drop(zombie);
    assert_eq!(job.visible(), ["committed", "committed, too", "own"]);

    let message = job.refusal(&growing("totals", 1, true));
    assert!(
        message.contains("has been taken over by incarnation 2 of the job, and this is incarnation 1"),
        "{message}"
    );
}

#[test]
fn a_staged_file_that_has_changed_is_lost_and_nothing_is_published() {
    let job = Job::new();
    let folder = job.fresh();
    let staged = [write(&folder, 0, "whole"), write(&folder, 0, "cut")];
    let cut = job.hidden()[0].join(&staged[1].files[0].name);
    fs::write(&cut, "c").unwrap();
    let lost = |folder: &OutputFolder| matches!(folder.publish(&staged), Err(FileError::Lost { .. }));
    assert!(lost(&folder));
    assert!(lost(&OutputFolder::new(job.target())));
    assert!(job.visible().is_empty());
    fs::remove_file(&cut).unwrap();
    fs::create_dir(&cut).unwrap();
    assert!(lost(&folder));

    fs::remove_dir_all(&job.hidden()[0]).unwrap();
    let message = folder.publish(&staged).unwrap_err().to_string();
    assert!(message.contains("somebody has changed the hidden folder beside the output"), "{message}");
}

#[test]
fn two_sinks_of_a_job_on_one_folder_are_refused() {
    let job = Job::new();
    let folder = job.fresh();
    let in_use = |run: &SinkRun| {
        let refused = |sink: OutputFolder| matches!(sink.begin(run), Err(FileError::InUse { .. }));
        assert!(refused(OutputFolder::new(job.target())));
        assert!(refused(OutputFolder::new(job.target()).overwrite()));
    };
    assert!(matches!(folder.begin(&growing("totals", 1, false)), Err(FileError::InUse { .. })));
    in_use(&growing("totals", 1, false));
    folder.publish(&[write(&folder, 0, "a")]).unwrap();
    in_use(&growing("totals", 1, false));
    folder.begin(&growing("totals", 2, true)).unwrap();
    in_use(&growing("totals", 2, true));
    assert!(matches!(folder.begin(&once()), Err(FileError::InUse { .. })));
    assert_eq!(job.visible(), ["a"]);
}

#[test]
fn a_fresh_start_finds_nothing_in_its_way_or_overwrites() {
    let job = Job::new();
    let folder = job.fresh();
    folder.publish(&[write(&folder, 0, "old")]).unwrap();
    drop(folder);
    let message = job.refusal(&growing("totals", 1, false));
    assert!(message.contains("exists already: choose another path, remove it, or set `.overwrite()`"), "{message}");

    let folder = OutputFolder::new(job.target()).overwrite();
    folder.begin(&growing("totals", 1, false)).unwrap();
    folder.publish(&[write(&folder, 0, "new")]).unwrap();
    assert_eq!((job.visible(), job.hidden().len()), (vec!["new".into()], 1));
    drop(folder);

    // A run that publishes once takes it for output, too, and it is the job's no more.
    let folder = OutputFolder::new(job.target()).overwrite();
    folder.begin(&once()).unwrap();
    folder.publish(&[write(&folder, 0, "newest")]).unwrap();
    assert_eq!((job.visible(), names(job.dir.path()).len()), (vec!["newest".into()], 2));

    fs::write(job.target().join("thesis.doc"), "years of work").unwrap();
    let message = folder.begin(&growing("totals", 1, false)).unwrap_err().to_string();
    assert!(message.contains("it holds `thesis.doc`, which no sink wrote"), "{message}");
}

#[test]
fn a_job_goes_on_with_output_of_its_own_only() {
    let job = Job::new();
    let folder = job.fresh();
    let message = job.refusal(&growing("others", 2, true));
    assert!(message.contains("is that of job `totals`: give each job an output of its own"), "{message}");
    drop(folder);

    fs::write(job.target().join("_SUCCESS"), "").unwrap();
    drop(job.resumed(2));
    fs::remove_file(job.dir.path().join(".out.job")).unwrap();
    let message = job.refusal(&growing("totals", 3, true));
    assert!(message.contains("cannot go on writing `/") && message.contains("it holds `_SUCCESS`"), "{message}");
    fs::remove_file(job.target().join("_SUCCESS")).unwrap();
    job.resumed(3);
    fs::remove_file(job.dir.path().join(".out.job")).unwrap();

    fs::remove_dir_all(job.target()).unwrap();
    fs::write(job.target(), "mine").unwrap();
    assert!(job.refusal(&growing("totals", 4, true)).contains("it is not a folder"));
    assert_eq!(fs::read_to_string(job.target()).unwrap(), "mine");
    assert!(job.hidden().is_empty());
}

#[test]
fn a_single_file_cannot_grow() {
    let job = Job::new();
    let file = OutputFolder::new(job.target()).single_file();
    let message = file.begin(&growing("totals", 1, false)).unwrap_err().to_string();
    assert!(
        message.contains("leave `.single_file()` away, so that it is a folder, or run the pipeline without"),
        "{message}"
    );
    assert!(names(job.dir.path()).is_empty());
}

#[test]
fn only_files_of_incarnations_are_published() {
    let job = Job::new();
    let outside = job.dir.path().join("outside");
    fs::write(&outside, "mine").unwrap();
    let folder = job.fresh();
    let staged = write(&folder, 0, "zero");
    let with_name =
        |name: &str| StagedFiles { files: vec![StagedFile { name: name.into(), bytes: 4 }], ..staged.clone() };
    let with_run = |run: &str| StagedFiles { run: run.into(), ..staged.clone() };
    let foreign = |staged: &[StagedFiles]| matches!(folder.publish(staged), Err(FileError::Foreign { .. }));
    assert!(foreign(&[with_name("../outside")]));
    assert!(foreign(&[with_name("part-/../../outside")]));
    assert!(foreign(&[with_name(".out.job")]));
    for run in ["../../outside", "00001-../../ab", "-0123abcd", "1-0123abcg", "0001-0123456789", "+0001-01234567"] {
        assert!(foreign(&[with_run(run)]), "{run}");
        assert!(foreign(&[staged.clone(), with_run(run)]), "{run}");
    }
    assert!(foreign(&[staged.clone(), with_run("0123456789abcdef")]));
    assert!(foreign(&[with_run("0123456789abcdef"), staged.clone()]));
    folder.publish(&[staged]).unwrap();
    assert_eq!(job.visible(), ["zero"]);
    assert_eq!(fs::read_to_string(outside).unwrap(), "mine");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_names_the_file_and_what_to_do() {
    let mut part = PartFile::at(Path::new("/dev/full")).unwrap();
    let cause = part.write_all(b"a").unwrap_err();
    let message = FileError::io("write", part.path())(cause).to_string();
    let advice = "Make room there and run the pipeline again: nothing incomplete can be seen";
    assert!(
        message.contains("cannot write `/dev/full`: No space left on device") && message.ends_with(advice),
        "{message}"
    );
}
