//! A job that counts, started again and again over the same folder of checkpoints.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use purlin::io::memory::{self, MemoryStream, Sender};
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, Guarantee, Observer, StopMode};
use purlin::{Failure, PCollection};
use purlin_tests::{PATIENCE, eventually, within};
use tempfile::TempDir;

/// Input that outlives the job, and where its checkpoints are.
pub(crate) struct Scene {
    pub(crate) sender: Sender<(String, i64)>,
    stream: MemoryStream<(String, i64)>,
    pub(crate) results: MemorySink<(String, i64)>,
    folder: TempDir,
    /// How much was sent that no run has read.
    unread: Cell<u64>,
    pub(crate) guarantee: Guarantee,
}

/// What is to be built between the input and the sink `sums`.
pub(crate) type Middle = fn(PCollection<(String, i64)>) -> PCollection<(String, i64)>;

/// The sum per word and window of 100 ms.
pub(crate) fn sums(words: PCollection<(String, i64)>) -> PCollection<(String, i64)> {
    words.window(Fixed::of(milliseconds(100))).combine_per_key("sum", Sum)
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (sender, stream) = memory::channel();
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        Scene {
            sender,
            stream,
            results: MemorySink::new(),
            folder,
            unread: Cell::new(0),
            guarantee: Guarantee::ExactlyOnce,
        }
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("checkpoints")
    }

    pub(crate) fn send(&self, word: &str, n: i64, ms: i64) {
        self.unread.set(self.unread.get() + 1);
        self.sender.send((word.to_string(), n), Timestamp::from_millis(ms));
    }

    pub(crate) fn watermark(&self, ms: i64) {
        self.sender.advance_watermark(Timestamp::from_millis(ms));
    }

    /// Runs the job until everything that was sent is in a checkpoint, then stops it. Gives what has been published by then, sorted.
    pub(crate) fn run(&self, middle: Middle, workers: usize) -> Result<Vec<(String, i64)>, Failure> {
        self.run_until(middle, workers, StopMode::Stop)
    }

    pub(crate) fn run_until(
        &self,
        middle: Middle,
        workers: usize,
        mode: StopMode,
    ) -> Result<Vec<(String, i64)>, Failure> {
        let pipeline = Pipeline::new();
        middle(pipeline.read("words", self.stream.clone())).write("sums", self.results.sink());
        let graph = pipeline.graph()?;
        let observer = Arc::new(Observer::default());
        let storage = LocalStorage::open(self.checkpoints()).map_err(|error| Failure::Other(error.into()))?;
        let mut settings = CheckpointSettings::new("sums", Arc::new(storage));
        settings.interval = Duration::from_millis(20);
        settings.guarantee = self.guarantee;
        let runner = StreamRunner::new().parallelism(workers).observer(observer.clone()).checkpoints(settings);
        let stop = runner.stop_handle();
        let run = std::thread::spawn(move || runner.run(&graph));
        let checkpoint = || observer.checkpoint().map_or(0, |report| report.checkpoint);
        // The first checkpoint that begins when everything has been read holds it all: the second one from now on.
        let read = || observer.elements_read() >= self.unread.get();
        eventually("everything to be read, or an end", PATIENCE, || (read() || run.is_finished()).then_some(()));
        let seen = checkpoint();
        eventually("two more checkpoints, or an end", PATIENCE, || {
            (checkpoint() >= seen + 2 || run.is_finished()).then_some(())
        });
        stop.stop(mode);
        within("the job's end", PATIENCE, || run.join()).expect("no panic")?;
        self.unread.set(0);
        let mut published = self.results.take();
        published.sort();
        Ok(published)
    }

    /// All files of a kind in the store.
    pub(crate) fn files(&self, kind: &str) -> Vec<PathBuf> {
        files(&self.checkpoints().join(kind))
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the store");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// A failure's words.
pub(crate) fn message(result: Result<Vec<(String, i64)>, Failure>) -> String {
    result.expect_err("it is refused").to_string()
}
