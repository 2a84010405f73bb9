//! A topic of a simulated cluster, as a source: another source's splits are its partitions, and their elements its records.
//!
//! A position is an offset and nothing else, as in Kafka. So whoever reads from an offset that is not what it was (for the log was cut, or is that of
//! another cluster) gets other records, and a job that does not refuse that gives itself away by its output.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::source::{AnySplit, Boundedness, BoxSource, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::transaction::{LogExtent, LogPosition};
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

use super::world::World;

/// About how many partitions a topic has whose records come from a source that can be cut anywhere.
const PARTITIONS: usize = 3;
/// By when all partitions of a topic that grows are there.
const GROWN_AFTER_MS: i64 = 3_000;
/// How far the offsets of a mirror are from those of the topic, at most.
const FARTHEST_OFF: i64 = 8;
/// How long a reader waits at the end of a partition before it looks again.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The topic; clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedTopic {
    world: World,
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

    /// The topic as a source, whose records come from `inner`.
    pub(super) fn source<T: Element>(&self, inner: BoxSource<T>, boundedness: Boundedness) -> TopicSource<T> {
        TopicSource { inner, topic: self.clone(), boundedness, listed: Arc::default() }
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

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All partitions that there will ever be.
    fn extents(&self) -> Vec<LogExtent> {
        let log = self.log();
        let extent = |(partition, log_of): (i32, &Partition)| {
            let (cluster, topic) = (log.cluster.clone(), self.name.to_string());
            LogExtent { cluster, topic, partition, first: log_of.first, end: log_of.end }
        };
        (0..).zip(log.partitions.iter().flatten()).map(extent).collect()
    }

    /// The partitions that there are by now.
    fn added(&self) -> Vec<LogExtent> {
        let now_ms = self.world.now_ms();
        let is_there: Vec<bool> =
            self.log().partitions.iter().flatten().map(|partition| partition.added_ms <= now_ms).collect();
        self.extents().into_iter().zip(is_there).filter_map(|(extent, is_there)| is_there.then_some(extent)).collect()
    }

    /// Refuses a position that is not one of the topic as it is now, and gives the log that it is in.
    fn check(&self, position: &LogPosition) -> Result<LogExtent, BoxError> {
        let mut extents = self.extents().into_iter();
        let extent = extents.find(|extent| extent.partition == position.partition);
        let extent =
            extent.ok_or_else(|| format!("there is no partition {}/{}", position.topic, position.partition))?;
        extent.check(position)?;
        Ok(extent)
    }

    fn set(&self, records: Vec<(AnySplit, i64)>) {
        let mut log = self.log();
        if log.partitions.is_some() {
            return;
        }
        let now_ms = self.world.now_ms();
        let partition = |(number, (records, length)): (usize, (AnySplit, i64))| {
            let base = self.world.random(|random| random.i64(FARTHEST_OFF..100));
            let grows = self.grows && number > 0;
            let wait_ms = if grows { self.world.random(|random| random.i64(0..GROWN_AFTER_MS)) } else { 0 };
            Partition { records, base, first: base, end: base + length, added_ms: now_ms + wait_ms }
        };
        log.partitions = Some(records.into_iter().enumerate().map(partition).collect());
    }
}

/// The source that reads a topic. Each start of a job has its own.
pub(super) struct TopicSource<T> {
    inner: BoxSource<T>,
    topic: SimulatedTopic,
    boundedness: Boundedness,
    /// The partitions that this one knows of.
    listed: Arc<Mutex<BTreeSet<i32>>>,
}

/// A partition from some offset on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TopicSplit {
    cluster: String,
    topic: String,
    partition: i32,
    next: i64,
}

impl TopicSplit {
    fn at(position: LogPosition) -> Self {
        let LogPosition { cluster, topic, partition, next } = position;
        TopicSplit { cluster, topic, partition, next }
    }

    fn position(&self) -> LogPosition {
        let TopicSplit { cluster, topic, partition, next } = self.clone();
        LogPosition { cluster, topic, partition, next }
    }
}

impl fmt::Display for TopicSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl<T: Element> TopicSource<T> {
    /// Asks the other source what the records are, unless that is known.
    async fn load(&self) -> Result<(), BoxError> {
        if self.topic.log().partitions.is_some() {
            return Ok(());
        }
        let mut records = Vec::new();
        for split in self.inner.splits(SplitRequest { desired: PARTITIONS, bounded: true }).await? {
            let mut reader = self.inner.open(split.clone()).await?;
            let (mut length, mut bundle) = (0, Bundle::new());
            while reader.read(&mut bundle).await? == Progress::More {
                length += bundle.len();
                bundle.clear();
            }
            records.push((split, i64::try_from(length + bundle.len())?));
        }
        self.topic.set(records);
        Ok(())
    }

    fn list(&self, partitions: impl IntoIterator<Item = i32>) {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).extend(partitions);
    }

    /// Whether no partition can come up any more that this reader does not know of.
    fn is_whole(&self) -> bool {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).len();
        !self.topic.grows || listed == self.topic.extents().len()
    }
}

#[async_trait]
impl<T: Element> Source for TopicSource<T> {
    type Item = T;
    type Split = TopicSplit;

    fn describe(&self) -> String {
        format!("{} in simulated topic {}", self.inner.describe(), self.topic.name)
    }

    fn boundedness(&self) -> Boundedness {
        self.boundedness
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.inner.idle_timeout()
    }

    async fn splits(&self, _: SplitRequest) -> Result<Vec<TopicSplit>, BoxError> {
        self.load().await?;
        let logs = self.topic.added();
        self.list(logs.iter().map(|log| log.partition));
        Ok(logs.iter().map(|log| TopicSplit::at(log.at(log.first))).collect())
    }

    async fn open(&self, split: TopicSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        self.load().await?;
        let log = self.topic.check(&split.position())?;
        self.list([split.partition]);
        let (records, mut ahead) = {
            let mut topic = self.topic.log();
            let partition = topic.partition(split.partition).ok_or("a partition is gone")?;
            (partition.records.clone(), partition.base)
        };
        // From an offset that is not there a broker would go on with the nearest one.
        let next = split.next.clamp(log.first, log.end);
        let mut inner = self.inner.open(records).await?;
        let (mut held, mut has_ended) = (Bundle::new(), false);
        while ahead < next && !has_ended {
            let mut bundle = Bundle::new();
            has_ended = inner.read(&mut bundle).await? == Progress::End;
            ahead += i64::try_from(bundle.len())?;
            let wanted = usize::try_from(ahead - next).unwrap_or(0);
            held = bundle.split_off(bundle.len() - wanted);
        }
        let source =
            TopicSource { inner: self.inner.clone(), topic: self.topic.clone(), listed: self.listed.clone(), ..*self };
        Ok(Box::new(TopicReader { source, inner, split: TopicSplit { next, ..split }, held, has_ended }))
    }

    async fn discover(&self, known: Vec<TopicSplit>) -> Result<Vec<TopicSplit>, BoxError> {
        self.load().await?;
        self.list(known.iter().map(|split| split.partition));
        let logs = self.topic.added();
        for split in &known {
            let mut its = logs.iter().filter(|log| log.partition == split.partition);
            its.try_for_each(|log| log.check_cluster(&split.position()))?;
        }
        let listed: HashSet<(&str, i32)> = known.iter().map(|split| (&*split.topic, split.partition)).collect();
        Ok(logs.iter().filter_map(|log| Some(TopicSplit::at(log.start_unless(&listed)?))).collect())
    }

    fn log_position(&self, split: &TopicSplit) -> Option<LogPosition> {
        Some(split.position())
    }
}

struct TopicReader<T: Element> {
    source: TopicSource<T>,
    inner: Box<dyn Reader<BoxSource<T>>>,
    split: TopicSplit,
    /// What `inner` has given and this reader has not.
    held: Bundle<T>,
    /// There is nothing more behind that.
    has_ended: bool,
}

#[async_trait]
impl<T: Element> Reader<TopicSource<T>> for TopicReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let topic = &self.source.topic;
        topic.check(&self.split.position())?;
        if self.has_ended && self.held.is_empty() {
            if self.source.is_whole() {
                return Ok(Progress::End);
            }
            topic.world.sleep(LOOKS_AGAIN_AFTER).await;
            return Ok(Progress::More);
        }
        let before = into.len();
        if self.held.is_empty() {
            self.has_ended = self.inner.read(into).await? == Progress::End;
        } else {
            into.append(&mut self.held);
        }
        self.split.next += i64::try_from(into.len() - before)?;
        Ok(Progress::More)
    }

    fn remaining(&self) -> TopicSplit {
        self.split.clone()
    }

    /// What a partition holds that is still to come must not be late.
    fn watermark(&self) -> Timestamp {
        match self.held.is_empty() && self.source.is_whole() {
            true => self.inner.watermark(),
            false => Timestamp::MIN,
        }
    }

    fn lag(&self) -> Option<u64> {
        u64::try_from(self.source.topic.end(self.split.partition)? - self.split.next).ok()
    }

    fn is_caught_up(&self) -> bool {
        self.held.is_empty() && self.source.is_whole() && self.inner.is_caught_up()
    }
}
