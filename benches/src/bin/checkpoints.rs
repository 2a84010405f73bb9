//! What checkpoints cost: size and time for a million keys, whole and with 1% changed, and the time to go on from one.
//!
//! `cargo run --release -p purlin-benches --bin checkpoints -- [KEYS]` prints a line for each. The job sums per key in one long window, on two
//! workers, and keeps its checkpoints in a temporary folder.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use purlin::io::memory::{self, MemoryStream, Sender};
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, Observer, StopHandle, StopMode};
use purlin::{BoxError, Failure};

/// Long enough to send everything between two checkpoints.
const INTERVAL: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<(), BoxError> {
    let keys: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |keys| keys.parse())?;
    let folder = tempfile::tempdir()?;
    let (sender, stream) = memory::channel();
    let job = Job::start(&stream, folder.path())?;
    send(&sender, 0..keys);
    job.read(keys)?;
    job.checkpoint("all keys", keys, folder.path())?;
    let changed = keys / 100;
    send(&sender, (0..changed).map(|n| n * 100));
    job.read(keys + changed)?;
    job.checkpoint("1% changed", changed, folder.path())?;
    job.checkpoint("nothing changed", 0, folder.path())?;
    job.stop()?;

    send(&sender, 0..1);
    let began = Instant::now();
    let job = Job::start(&stream, folder.path())?;
    job.read(1)?;
    println!(
        "{:<16} {:>10} keys: {:>6} ms from the start to the first element read",
        "going on",
        keys,
        began.elapsed().as_millis()
    );
    job.stop()
}

fn send(sender: &Sender<(u64, i64)>, keys: impl Iterator<Item = u64>) {
    sender.send_all(keys.map(|key| ((key, 1), Timestamp::from_millis(0))));
}

struct Job {
    observer: Arc<Observer>,
    stop: StopHandle,
    run: JoinHandle<Result<(), Failure>>,
}

impl Job {
    fn start(stream: &MemoryStream<(u64, i64)>, folder: &Path) -> Result<Self, BoxError> {
        let pipeline = Pipeline::new();
        pipeline
            .read("numbers", stream.clone())
            .window(Fixed::of(hours(1)))
            .combine_per_key("sum", Sum)
            .write("sums", MemorySink::new());
        let graph = pipeline.graph()?;
        let observer = Arc::new(Observer::default());
        let mut settings = CheckpointSettings::new("sums", Arc::new(LocalStorage::open(folder)?));
        settings.interval = INTERVAL;
        let runner = StreamRunner::new().parallelism(2).observer(observer.clone()).checkpoints(settings);
        let stop = runner.stop_handle();
        Ok(Job { observer, stop, run: std::thread::spawn(move || runner.run(&graph)) })
    }

    fn read(&self, elements: u64) -> Result<(), BoxError> {
        self.wait(|| self.observer.elements_read() >= elements)
    }

    /// Waits for the next checkpoint, and tells of it.
    fn checkpoint(&self, what: &str, keys: u64, folder: &Path) -> Result<(), BoxError> {
        let last = || self.observer.checkpoint().map_or(0, |report| report.checkpoint);
        let before = last();
        self.wait(|| last() > before)?;
        let report = self.observer.checkpoint().ok_or("there was a checkpoint")?;
        println!(
            "{what:<16} {keys:>10} keys: {:>6} ms to gather, {:>6} ms to store, {:>10} bytes of changes, {:>10} bytes in the store",
            report.gathered_in.as_millis(),
            report.stored_in.as_millis(),
            report.bytes,
            size(folder)?
        );
        Ok(())
    }

    fn stop(self) -> Result<(), BoxError> {
        self.stop.stop(StopMode::Stop);
        Ok(self.run.join().map_err(|_| "the job panicked")??)
    }

    fn wait(&self, until: impl Fn() -> bool) -> Result<(), BoxError> {
        let began = Instant::now();
        while !until() {
            if self.run.is_finished() || began.elapsed() > PATIENCE {
                return Err("the job has ended, or takes too long".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> Result<u64, BoxError> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
