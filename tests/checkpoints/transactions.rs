//! Jobs whose output goes into transactions: the offsets that ride along, one cluster for all sinks, one instance at a time.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use purlin::Failure;
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, StopHandle, StopMode};
use purlin_tests::{PATIENCE, eventually, within};
use tempfile::TempDir;

use crate::log::{MemoryCluster, Numbers};

const GROUP: &str = "purlin-numbers";

/// A job that copies numbers to a topic, started again and again.
struct Copying {
    cluster: MemoryCluster,
    sources: Vec<Numbers>,
    folder: TempDir,
}

type Run = (StopHandle, JoinHandle<Result<(), Failure>>);

impl Copying {
    fn of(sources: Vec<Numbers>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        Copying { cluster: MemoryCluster::new("here"), sources, folder }
    }

    fn start(&self) -> Run {
        self.start_over(&self.cluster)
    }

    fn start_over(&self, line: &MemoryCluster) -> Run {
        let pipeline = Pipeline::new();
        for (number, source) in self.sources.iter().enumerate() {
            let numbers = pipeline.read(&format!("read {number}"), source.clone());
            numbers.write(&format!("write {number}"), line.sink("out"));
        }
        let graph = pipeline.graph().expect("a sound graph");
        let runner = StreamRunner::new().parallelism(2).checkpoints(self.settings());
        (runner.stop_handle(), std::thread::spawn(move || runner.run(&graph)))
    }

    fn settings(&self) -> CheckpointSettings {
        let storage = LocalStorage::open(self.folder.path()).expect("a folder");
        let mut settings = CheckpointSettings::new("numbers", Arc::new(storage));
        settings.interval = Duration::from_millis(20);
        settings
    }

    /// Runs it until so many numbers are out, or it ends by itself.
    fn run_until(&self, count: usize) -> Result<(), Failure> {
        let (stop, run) = self.start();
        let is_out = || self.cluster.numbers("out").len() >= count;
        eventually("all numbers, or an end", PATIENCE, || (is_out() || run.is_finished()).then_some(()));
        stop.stop(StopMode::Stop);
        within("the job's end", PATIENCE, || run.join()).expect("no panic")
    }

    fn positions(&self) -> Vec<i64> {
        self.cluster.offsets(GROUP).into_values().collect()
    }
}

fn refusal(result: Result<(), Failure>) -> String {
    let failure = result.expect_err("it is refused");
    assert!(failure.is_misuse(), "{failure}");
    failure.to_string()
}

#[test]
fn offsets_ride_along_and_may_be_deleted() {
    let numbers = Numbers::on("here", 3);
    let job = Copying::of(vec![numbers.clone()]);
    for round in 1..4 {
        numbers.send(10);
        job.run_until(30 * round).expect("it goes on");
        assert_eq!(job.cluster.numbers("out"), (0..30 * round as i64).collect::<Vec<_>>(), "each once");
        assert_eq!(job.positions(), [10 * round as i64; 3]);
        if round == 2 {
            job.cluster.alter_offsets(GROUP, Default::default());
        }
    }
}

#[test]
fn a_damaged_note_stops_nobody_whose_cluster_knows_better() {
    let numbers = Numbers::on("here", 3);
    let job = Copying::of(vec![numbers.clone()]);
    numbers.send(10);
    job.run_until(30).expect("it runs");
    let notes = std::fs::read_dir(job.folder.path().join("commits")).expect("the notes");
    let newest = notes.flatten().map(|entry| entry.path()).max().expect("a note");
    std::fs::write(newest, "nonsense").expect("written");
    numbers.send(10);
    job.run_until(60).expect("it goes on");
    assert_eq!(job.cluster.numbers("out"), (0..60).collect::<Vec<_>>(), "each once");
}

#[test]
fn another_folder_is_not_enough_to_begin_anew() {
    let numbers = Numbers::on("here", 3);
    let mut job = Copying::of(vec![numbers.clone()]);
    numbers.send(10);
    job.run_until(30).expect("it runs");
    let theirs = std::mem::replace(&mut job.folder, tempfile::tempdir().expect("a folder for temporary files"));
    let message = refusal(job.run_until(0));
    for part in ["job `numbers`", "holds none of its checkpoints", "--checkpoint-dir and --job-name"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    job.folder = theirs;
    numbers.send(10);
    job.run_until(60).expect("it goes on");
}

#[test]
fn offsets_that_were_moved_are_refused_until_they_are_back() {
    let numbers = Numbers::on("here", 5);
    let job = Copying::of(vec![numbers.clone()]);
    numbers.send(10);
    job.run_until(50).expect("it runs");
    let theirs = job.cluster.offsets(GROUP);
    let moved = |partitions: std::ops::Range<i32>, to: i64| {
        let mut offsets = theirs.clone();
        offsets.extend(partitions.map(|partition| (("numbers".to_string(), partition), to)));
        job.cluster.alter_offsets(GROUP, offsets);
        refusal(job.run_until(0))
    };
    for to in [4, 14] {
        let message = moved(3..4, to);
        let named = format!("numbers/3 the group has {to} and the checkpoint 10");
        for part in [&*named, "job `numbers`", "`purlin-numbers`", "cluster `here`", "--checkpoint-dir", "--delete"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!message.contains("numbers/2") && !message.contains("more differ"), "{message}");
    }
    let message = moved(0..5, 7);
    assert!(message.contains("numbers/2") && message.contains("and 2 more differ"), "{message}");
    assert!(!message.contains("numbers/3"), "{message}");

    job.cluster.alter_offsets(GROUP, theirs);
    numbers.send(1);
    job.run_until(55).expect("it goes on");
    assert_eq!(job.cluster.numbers("out"), (0..55).collect::<Vec<_>>(), "each once");
}

#[test]
fn of_a_topic_that_is_read_twice_the_one_behind_counts() {
    let numbers = Numbers::on("here", 1);
    let job = Copying::of(vec![numbers.at_most(4), numbers.clone(), numbers.at_most(7)]);
    numbers.send(10);
    job.run_until(21).expect("it runs");
    assert_eq!(job.positions(), [4]);
    numbers.send(10);
    job.run_until(31).expect("it goes on");
    assert_eq!(job.positions(), [4]);
}

#[test]
fn positions_on_another_cluster_are_none_of_its_own() {
    let numbers = Numbers::on("elsewhere", 2);
    let job = Copying::of(vec![numbers.clone()]);
    numbers.send(10);
    job.run_until(20).expect("it runs");
    assert!(job.positions().is_empty());
    let theirs = [(("numbers".to_string(), 0), 3)];
    job.cluster.alter_offsets(GROUP, theirs.into());
    numbers.send(1);
    job.run_until(22).expect("it goes on");
}

#[test]
fn sinks_on_two_clusters_are_refused() {
    let job = Copying::of(vec![]);
    let numbers = Numbers::on("here", 1);
    let pipeline = Pipeline::new();
    let read = pipeline.read("read", numbers);
    read.write("first", job.cluster.sink("out"));
    read.write("second", MemoryCluster::new("there").sink("out"));
    let graph = pipeline.graph().expect("a sound graph");
    let runner = StreamRunner::new().checkpoints(job.settings());
    let stop = runner.stop_handle();
    let run = std::thread::spawn(move || runner.run(&graph));
    stop.stop(StopMode::Stop);
    let message = refusal(within("a refusal", PATIENCE, || run.join()).expect("no panic"));
    for part in ["`first`", "`second`", "`here`", "`there`", "--guarantee at-least-once"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn an_instance_that_was_replaced_ends_and_does_not_take_over_again() {
    let numbers = Numbers::on("here", 2);
    let job = Copying::of(vec![numbers.clone()]);
    numbers.send(10);
    let (_stop, first) = job.start();
    eventually("the first to write", PATIENCE, || (job.cluster.numbers("out").len() == 20).then_some(()));
    let (stop, second) = job.start();
    let replaced = within("the first to end", PATIENCE, || first.join()).expect("no panic");
    assert!(matches!(replaced, Err(Failure::Superseded { .. })), "{replaced:?}");
    numbers.send(10);
    eventually("the second to write", PATIENCE, || (job.cluster.numbers("out").len() >= 40).then_some(()));
    assert!(!second.is_finished());
    stop.stop(StopMode::Stop);
    within("the second to end", PATIENCE, || second.join()).expect("no panic").expect("it was never replaced");
    assert_eq!(job.cluster.numbers("out"), (0..40).collect::<Vec<_>>(), "each once");
}

#[test]
fn one_that_could_not_even_register_again_does_not_take_over_either() {
    let numbers = Numbers::on("here", 2);
    let job = Copying::of(vec![numbers.clone()]);
    numbers.send(10);
    let line = job.cluster.over_another_line();
    let (_stop, first) = job.start_over(&line);
    eventually("the first to write", PATIENCE, || (job.cluster.numbers("out").len() == 20).then_some(()));
    line.cut_off(true);
    // It tries again and again, and does not get as far as its number.
    std::thread::sleep(Duration::from_millis(500));
    let (stop, second) = job.start();
    numbers.send(10);
    eventually("the second to write", PATIENCE, || (job.cluster.numbers("out").len() >= 40).then_some(()));
    line.cut_off(false);
    let replaced = within("the first to end", PATIENCE, || first.join()).expect("no panic");
    assert!(matches!(replaced, Err(Failure::Superseded { .. })), "{replaced:?}");
    stop.stop(StopMode::Stop);
    within("the second to end", PATIENCE, || second.join()).expect("no panic").expect("it was never replaced");
    assert_eq!(job.cluster.numbers("out"), (0..40).collect::<Vec<_>>(), "each once");
}
