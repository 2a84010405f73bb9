//! A topic of a simulated cluster: partitions with offsets, to which others may be added, and whose starts may be cut.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use purlin_model::BoxError;
use purlin_model::source::AnySplit;
use purlin_model::transaction::{LogExtent, LogPosition};

use super::world::World;

/// By when all partitions of a topic that grows are there.
const GROWN_AFTER_MS: i64 = 3_000;
/// How far the offsets of a mirror are from those of the topic, at most.
const FARTHEST_OFF: i64 = 8;

/// The topic; clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedTopic {
    pub(super) world: World,
    name: Arc<str>,
    /// Partitions are added while it is read.
    grows: bool,
    log: Arc<Mutex<Log>>,
}

struct Log {
    /// The id of the cluster that it is on.
    cluster: String,
    /// `None` until somebody has asked for it.
    partitions: Option<Vec<Partition>>,
}

impl Log {
    fn partition(&mut self, number: i32) -> Option<&mut Partition> {
        self.partitions.as_mut()?.get_mut(usize::try_from(number).ok()?)
    }
}

#[derive(Clone)]
struct Partition {
    /// What its records are, from the first that it ever had.
    records: AnySplit,
    /// The offset of that.
    base: i64,
    /// The offset of the first that is still there.
    first: i64,
    end: i64,
    /// From when on it is there.
    added_ms: i64,
}

impl SimulatedTopic {
    pub(super) fn new(world: World, cluster: &str, name: &str, grows: bool) -> Self {
        let log = Log { cluster: cluster.into(), partitions: None };
        SimulatedTopic { world, name: name.into(), grows, log: Arc::new(Mutex::new(log)) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Removes the records before `first`, as retention does.
    pub(super) fn cut(&self, partition: i32, first: i64) {
        if let Some(partition) = self.log().partition(partition) {
            partition.first = first.clamp(partition.first, partition.end);
        }
    }

    /// The offset behind the last record of a partition.
    pub(super) fn end(&self, partition: i32) -> Option<i64> {
        Some(self.log().partition(partition)?.end)
    }

    /// Puts a mirror of the topic in its place: all its records are there, on another cluster and so at other offsets.
    pub(super) fn mirror(&self) {
        let mut log = self.log();
        log.cluster.insert_str(0, "mirror of ");
        for partition in log.partitions.iter_mut().flatten() {
            let off = self.world.random(|random| random.i64(1..=FARTHEST_OFF) * if random.bool() { 1 } else { -1 });
            for offset in [&mut partition.base, &mut partition.first, &mut partition.end] {
                *offset += off;
            }
        }
    }

    /// Whether its partitions are known.
    pub(super) fn is_loaded(&self) -> bool {
        self.log().partitions.is_some()
    }

    /// Makes its partitions: of each what its records are, and how many. Nothing if somebody else was faster.
    pub(super) fn load(&self, records: Vec<(AnySplit, i64)>) {
        let mut log = self.log();
        if log.partitions.is_some() {
            return;
        }
        let now_ms = self.world.now_ms();
        let partition = |(number, (records, length)): (usize, (AnySplit, i64))| {
            let base = self.world.random(|random| random.i64(FARTHEST_OFF..100));
            let comes_later = self.grows && number > 0;
            let wait_ms = if comes_later { self.world.random(|random| random.i64(0..GROWN_AFTER_MS)) } else { 0 };
            Partition { records, base, first: base, end: base + length, added_ms: now_ms + wait_ms }
        };
        log.partitions = Some(records.into_iter().enumerate().map(partition).collect());
    }

    /// Whether a reader that knows of so many partitions knows all that there will ever be.
    pub(super) fn is_whole(&self, listed: usize) -> bool {
        !self.grows || listed == self.log().partitions.as_ref().map_or(0, Vec::len)
    }

    /// The partitions that there are by now.
    pub(super) fn added(&self) -> Vec<LogExtent> {
        let (log, now_ms) = (self.log(), self.world.now_ms());
        let partitions = (0..).zip(log.partitions.iter().flatten());
        let added = partitions.filter(|(_, partition)| partition.added_ms <= now_ms);
        added.map(|(number, partition)| self.extent(&log, number, partition)).collect()
    }

    /// Refuses a position that is not one of the topic as it is now, and gives the log that it is in.
    pub(super) fn check(&self, position: &LogPosition) -> Result<LogExtent, BoxError> {
        let mut log = self.log();
        let partition = log.partition(position.partition).cloned();
        let partition =
            partition.ok_or_else(|| format!("there is no partition {}/{}", position.topic, position.partition))?;
        let extent = self.extent(&log, position.partition, &partition);
        extent.check(position)?;
        Ok(extent)
    }

    /// What the records of a partition are, and the offset of the first.
    pub(super) fn records(&self, partition: i32) -> Option<(AnySplit, i64)> {
        self.log().partition(partition).map(|partition| (partition.records.clone(), partition.base))
    }

    fn extent(&self, log: &Log, partition: i32, of: &Partition) -> LogExtent {
        let (cluster, topic) = (log.cluster.clone(), self.name.to_string());
        LogExtent { cluster, topic, partition, first: of.first, end: of.end }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
