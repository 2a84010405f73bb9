//! What a run tells those who watch it: progress, rates, watermarks and what holds them back.
//!
//! Runners update plain atomics per bundle; a progress bar, a status line or a metrics endpoint reads them whenever it likes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use purlin_model::Timestamp;

pub use crate::stalls::Held;

/// The figures of one run.
#[derive(Default)]
pub struct Observer {
    read: AtomicU64,
    written: AtomicU64,
    dropped_late: AtomicU64,
    dropped_closed: AtomicU64,
    tasks: AtomicUsize,
    tasks_done: AtomicUsize,
    stage: Mutex<Option<StageProgress>>,
    splits: Mutex<BTreeMap<String, SplitReport>>,
    stages: Mutex<BTreeMap<String, Timestamp>>,
    checkpoint: Mutex<Option<CheckpointReport>>,
    recoveries: AtomicU64,
}

/// The last checkpoint that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointReport {
    /// Its number.
    pub checkpoint: u64,
    /// The bytes of state that had changed.
    pub bytes: u64,
    /// How long it took from the request to the last task's part.
    pub gathered_in: Duration,
    /// How long its snapshot took to be stored.
    pub stored_in: Duration,
    /// When it was committed, in milliseconds of processing time.
    pub committed_ms: i64,
}

/// Where a batch run stands.
#[derive(Clone, Debug)]
pub struct StageProgress {
    /// The stage's number, from 0.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Its transforms.
    pub name: String,
}

/// What is known of one split of a streaming source.
#[derive(Clone, Debug)]
pub struct SplitReport {
    /// `active`, `idle since …` or `finished`.
    pub status: String,
    /// Its watermark.
    pub watermark: Timestamp,
    /// Since when it has given nothing though it was asked, if that is for more than a moment.
    pub silent_since: Option<Timestamp>,
    /// Since when what it has given waits for room downstream, and it is not asked for more: back pressure.
    pub blocked_since: Option<Timestamp>,
    /// Elements known to be waiting.
    pub lag: Option<u64>,
}

impl SplitReport {
    /// A split may be read before it is first reported on, and then be silent.
    fn unreported() -> Self {
        let (status, watermark) = ("active".to_string(), Timestamp::MIN);
        SplitReport { status, watermark, silent_since: None, blocked_since: None, lag: None }
    }
}

impl Observer {
    /// Elements were read.
    pub fn read(&self, elements: usize) {
        self.read.fetch_add(elements as u64, Relaxed);
    }

    /// Elements were handed to sinks.
    pub fn wrote(&self, elements: usize) {
        self.written.fetch_add(elements as u64, Relaxed);
    }

    /// Elements were dropped at a grouping, by cause (SEMANTICS §4).
    pub fn dropped(&self, late: u64, closed: u64) {
        self.dropped_late.fetch_add(late, Relaxed);
        self.dropped_closed.fetch_add(closed, Relaxed);
    }

    /// A batch stage begins.
    pub fn stage_begins(&self, number: usize, of: usize, name: &str) {
        self.tasks.store(0, Relaxed);
        self.tasks_done.store(0, Relaxed);
        *lock(&self.stage) = Some(StageProgress { number, of, name: name.to_string() });
    }

    /// The stage has this many tasks.
    pub fn tasks(&self, tasks: usize) {
        self.tasks.store(tasks, Relaxed);
    }

    /// One of them is done.
    pub fn task_done(&self) {
        self.tasks_done.fetch_add(1, Relaxed);
    }

    /// A split's state, by name.
    pub fn split(&self, name: &str, report: SplitReport) {
        let mut splits = lock(&self.splits);
        let lag = report.lag.or(splits.get(name).and_then(|known| known.lag));
        splits.insert(name.to_string(), SplitReport { lag, ..report });
    }

    /// How many elements are known to be waiting in a split.
    pub fn lag(&self, name: &str, lag: Option<u64>) {
        lock(&self.splits).entry(name.to_string()).or_insert_with(SplitReport::unreported).lag = lag;
    }

    /// Since when a split is not asked because there is no room downstream; `None` when there is again.
    pub fn blocked(&self, name: &str, since: Option<Timestamp>) {
        lock(&self.splits).entry(name.to_string()).or_insert_with(SplitReport::unreported).blocked_since = since;
    }

    /// A streaming stage's output watermark on one worker.
    pub fn watermark(&self, stage: &str, watermark: Timestamp) {
        lock(&self.stages).insert(stage.to_string(), watermark);
    }

    /// A checkpoint was committed.
    pub fn checkpointed(&self, report: CheckpointReport) {
        *lock(&self.checkpoint) = Some(report);
    }

    /// The job went on from its last checkpoint after a failure.
    pub fn recovered(&self) {
        self.recoveries.fetch_add(1, Relaxed);
    }

    /// The last checkpoint, if there was one.
    pub fn checkpoint(&self) -> Option<CheckpointReport> {
        *lock(&self.checkpoint)
    }

    /// How often the job went on from a checkpoint after a failure.
    pub fn recoveries(&self) -> u64 {
        self.recoveries.load(Relaxed)
    }

    /// Elements read so far.
    pub fn elements_read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Elements handed to sinks so far.
    pub fn elements_written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Elements dropped because their window had expired, and because its trigger had finished.
    pub fn elements_dropped(&self) -> (u64, u64) {
        (self.dropped_late.load(Relaxed), self.dropped_closed.load(Relaxed))
    }

    /// The batch stage at work, its tasks done and their number.
    pub fn progress(&self) -> Option<(StageProgress, usize, usize)> {
        let stage = lock(&self.stage).clone()?;
        Some((stage, self.tasks_done.load(Relaxed), self.tasks.load(Relaxed)))
    }

    /// Every split of the streaming sources.
    pub fn splits(&self) -> Vec<(String, SplitReport)> {
        lock(&self.splits).iter().map(|(name, report)| (name.clone(), report.clone())).collect()
    }

    /// The streaming stages' output watermarks.
    pub fn watermarks(&self) -> Vec<(String, Timestamp)> {
        lock(&self.stages).iter().map(|(name, watermark)| (name.clone(), *watermark)).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
