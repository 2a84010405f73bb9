//! Files published with each checkpoint: whatever happens and whenever, the target gets the rows of the committed checkpoints, each once.

use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use proptest::prelude::*;
use purlin_derive::Row;
use purlin_io::parquet::{ParquetSink, ParquetSource};
use purlin_io::text::{Compression, CsvSink, CsvSource, JsonLinesSink, JsonLinesSource};
use purlin_model::BoxError;
use purlin_model::bundle::Bundle;
use purlin_model::sink::{BoxSink, Publishing, Sink, SinkRun, Writer};
use purlin_model::source::{BoxSource, Progress, Source, SplitRequest};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

const WORKERS: usize = 3;

/// The job's input is 0, 1, 2, …: an incarnation goes on behind what was committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[row(crate = "purlin_model")]
struct Number {
    n: i64,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Csv,
    JsonLines,
    Parquet,
}

impl Format {
    fn sink(self, path: &Path) -> BoxSink<Number> {
        match self {
            Format::Csv => BoxSink::new(CsvSink::new(path)),
            Format::JsonLines => BoxSink::new(JsonLinesSink::new(path).compression(Compression::Gzip)),
            Format::Parquet => BoxSink::new(ParquetSink::new(path)),
        }
    }

    fn source(self, path: &Path) -> BoxSource<Number> {
        match self {
            Format::Csv => BoxSource::new(CsvSource::new(path)),
            Format::JsonLines => BoxSource::new(JsonLinesSource::new(path)),
            Format::Parquet => BoxSource::new(ParquetSource::new(path.to_str().unwrap())),
        }
    }

    /// The rows in a file, or in a folder of files.
    fn rows(self, path: &Path) -> Vec<i64> {
        let source = self.source(path);
        let (mut rows, mut bundle) = (Vec::new(), Bundle::new());
        for split in block_on(source.splits(SplitRequest { desired: 1, bounded: true })).unwrap() {
            let mut reader = block_on(source.open(split)).unwrap();
            while block_on(reader.read(&mut bundle)).unwrap() == Progress::More {}
            rows.extend(bundle.drain().map(|(row, _)| row.n));
        }
        rows
    }
}

/// A process that runs the job.
struct Incarnation {
    sink: BoxSink<Number>,
    writers: Vec<Box<dyn Writer<BoxSink<Number>>>>,
    next: i64,
    /// What its last committed checkpoint has staged.
    committed: Vec<Vec<u8>>,
}

impl Incarnation {
    fn write(&mut self, worker: usize, rows: i64) -> Result<(), BoxError> {
        let mut bundle = Bundle::of((self.next..self.next + rows).map(|n| Number { n }).collect());
        self.next += rows;
        block_on(self.writers[worker].write(&mut bundle))
    }

    fn stage(&mut self) -> Result<Vec<Vec<u8>>, BoxError> {
        let mut staged = Vec::new();
        for writer in &mut self.writers {
            staged.extend(block_on(writer.stage())?);
        }
        Ok(staged)
    }
}

/// What is durable, and who runs.
struct World {
    format: Format,
    dir: TempDir,
    incarnation: u64,
    /// So many numbers are committed, if any checkpoint is.
    committed: Option<i64>,
    staged: Vec<Vec<u8>>,
    consumed: Vec<i64>,
    running: Option<Incarnation>,
    zombies: Vec<Incarnation>,
}

impl World {
    fn new(format: Format) -> Self {
        let mut world = World {
            format,
            dir: tempfile::tempdir().unwrap(),
            incarnation: 0,
            committed: None,
            staged: Vec::new(),
            consumed: Vec::new(),
            running: None,
            zombies: Vec::new(),
        };
        world.start();
        world
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// Recovers as a runner does: publishes what was committed, discards the rest, goes on behind it.
    fn start(&mut self) {
        self.incarnation += 1;
        let sink = self.format.sink(&self.target());
        let publishing = Publishing::PerCheckpoint { incarnation: self.incarnation, resumes: self.committed.is_some() };
        block_on(sink.begin(&SinkRun { job: "count".into(), publishing })).unwrap();
        block_on(sink.publish(self.staged.clone())).unwrap();
        block_on(sink.discard()).unwrap();
        let writers = (0..WORKERS).map(|worker| block_on(sink.open(worker)).unwrap()).collect();
        let next = self.committed.unwrap_or(0);
        self.running = Some(Incarnation { sink, writers, next, committed: self.staged.clone() });
    }

    fn crash(&mut self, lives_on: bool) {
        let incarnation = self.running.take().unwrap();
        if lives_on {
            self.zombies.push(incarnation);
        }
        self.start();
    }

    fn checkpoint(&mut self, stops: Option<Stop>) {
        let running = self.running.as_mut().unwrap();
        let staged = running.stage().unwrap();
        let published = match stops {
            Some(Stop::BeforeCommit) => return self.crash(false),
            Some(Stop::WhilePublishing(files)) => files.min(staged.len()),
            None => staged.len(),
        };
        self.committed = Some(running.next);
        self.staged = staged.clone();
        running.committed = staged.clone();
        block_on(running.sink.publish(staged[..published].to_vec())).unwrap();
        match stops {
            Some(_) => self.crash(false),
            None => block_on(running.sink.publish(staged)).unwrap(),
        }
    }

    /// A consumer takes the first file away, or all of them with their folder.
    fn consume(&mut self, whole_folder: bool) {
        let target = self.target();
        if whole_folder {
            if target.exists() {
                // Not the folder as a source: one without any file is no Parquet input.
                self.consumed.extend(visible_files(&target).iter().flat_map(|file| self.format.rows(file)));
                fs::remove_dir_all(&target).unwrap();
            }
        } else if let Some(file) = visible_files(&target).first() {
            self.consumed.extend(self.format.rows(file));
            fs::remove_file(file).unwrap();
        }
    }

    /// A process that was given up writes, stages and publishes. It may fail, and does no harm.
    fn wake_zombie(&mut self, rows: i64) {
        if let Some(zombie) = self.zombies.last_mut() {
            let _ = block_on(zombie.sink.publish(zombie.committed.clone()));
            let _ = zombie.write(0, rows).and_then(|()| zombie.stage());
            let _ = block_on(zombie.sink.discard());
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write { worker, rows } => self.running.as_mut().unwrap().write(worker, rows).unwrap(),
            Step::Checkpoint { stops } => self.checkpoint(stops),
            Step::Crash { lives_on } => self.crash(lives_on),
            Step::Consume { whole_folder } => self.consume(whole_folder),
            Step::WakeZombie { rows } => self.wake_zombie(rows),
        }
    }

    /// What has ever been visible is what was committed, whenever a publication has ended.
    fn check(&self) {
        let target = self.target();
        let mut seen = self.consumed.clone();
        for file in visible_files(&target) {
            let rows = self.format.rows(&file);
            assert!(!rows.is_empty(), "{} is empty", file.display());
            seen.extend(rows);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..self.committed.unwrap_or(0)).collect::<Vec<_>>());
    }
}

fn visible_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    files.sort();
    files
}

#[derive(Clone, Copy, Debug)]
enum Stop {
    BeforeCommit,
    WhilePublishing(usize),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write { worker: usize, rows: i64 },
    Checkpoint { stops: Option<Stop> },
    Crash { lives_on: bool },
    Consume { whole_folder: bool },
    WakeZombie { rows: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let stop = prop_oneof![Just(Stop::BeforeCommit), (0..WORKERS).prop_map(Stop::WhilePublishing)];
    prop_oneof![
        6 => (0..WORKERS, 0..4_i64).prop_map(|(worker, rows)| Step::Write { worker, rows }),
        4 => prop::option::weighted(0.4, stop).prop_map(|stops| Step::Checkpoint { stops }),
        1 => any::<bool>().prop_map(|lives_on| Step::Crash { lives_on }),
        1 => any::<bool>().prop_map(|whole_folder| Step::Consume { whole_folder }),
        1 => (0..4_i64).prop_map(|rows| Step::WakeZombie { rows }),
    ]
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Csv), Just(Format::JsonLines), Just(Format::Parquet)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn committed_rows_are_visible_once(format in format(), steps in prop::collection::vec(step(), 0..40)) {
        let mut world = World::new(format);
        for step in steps {
            world.step(step);
            world.check();
        }
    }
}

#[test]
fn a_checkpoint_without_rows_publishes_no_file() {
    for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
        let mut world = World::new(format);
        world.checkpoint(None);
        assert!(visible_files(&world.target()).is_empty(), "{format:?}");
        world.step(Step::Write { worker: 1, rows: 2 });
        world.checkpoint(None);
        world.checkpoint(None);
        assert_eq!(visible_files(&world.target()).len(), 1, "{format:?}");
        assert_eq!(format.rows(&world.target()), [0, 1], "{format:?}");
    }
}

#[test]
fn a_single_file_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let sink = JsonLinesSink::<Number>::new(dir.path().join("out.jsonl")).single_file();
    let publishing = Publishing::PerCheckpoint { incarnation: 1, resumes: false };
    let refused = block_on(sink.begin(&SinkRun { job: "count".into(), publishing })).unwrap_err().to_string();
    assert!(refused.contains("leave `.single_file()` away"), "{refused}");
}
