//! A log cluster in memory that fails only when it is cut off, as a sink's and as a source's: what exactly-once asks of Kafka, without a broker.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use purlin::bundle::{Bundle, ElementSides};
use purlin::sink::{Io, Sink, Visibility, Writer};
use purlin::source::{Boundedness, Progress, Reader, Source, SplitRequest};
use purlin::transaction::{
    LogCluster, LogError, LogErrorKind, LogPosition, RecordBatch, TransactionWriter, TransactionalProducer,
};
use purlin::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};

/// The cluster; clones are the same one.
#[derive(Clone)]
pub(crate) struct MemoryCluster {
    name: &'static str,
    log: Arc<Mutex<Log>>,
    is_cut_off: Arc<AtomicBool>,
}

#[derive(Default)]
struct Log {
    topics: BTreeMap<String, Vec<(Vec<u8>, Vec<u8>)>>,
    offsets: BTreeMap<(String, String, i32), i64>,
    /// Of each transactional id the number of its newest producer.
    producers: BTreeMap<String, u64>,
}

impl MemoryCluster {
    pub(crate) fn new(name: &'static str) -> Self {
        MemoryCluster { name, log: Arc::default(), is_cut_off: Arc::default() }
    }

    /// The same cluster over a line of its own.
    pub(crate) fn over_another_line(&self) -> Self {
        MemoryCluster { is_cut_off: Arc::default(), ..self.clone() }
    }

    /// Cuts the line, or mends it.
    pub(crate) fn cut_off(&self, is_cut_off: bool) {
        self.is_cut_off.store(is_cut_off, Ordering::Relaxed);
    }

    fn reach(&self) -> Result<(), LogError> {
        match self.is_cut_off.load(Ordering::Relaxed) {
            true => Err(LogError::new(LogErrorKind::Retriable, "the line is cut")),
            false => Ok(()),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers in a topic, in order of value.
    pub(crate) fn numbers(&self, topic: &str) -> Vec<i64> {
        let number = |value: &[u8]| i64::from_be_bytes(value.try_into().expect("eight bytes"));
        let log = self.log();
        let mut numbers: Vec<i64> =
            log.topics.get(topic).into_iter().flatten().map(|(_, value)| number(value)).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The offsets of a group.
    pub(crate) fn offsets(&self, group: &str) -> BTreeMap<(String, i32), i64> {
        let log = self.log();
        let own = log.offsets.iter().filter(|((of, ..), _)| of == group);
        own.map(|((_, topic, partition), next)| ((topic.clone(), *partition), *next)).collect()
    }

    /// Does what a tool for offsets does.
    pub(crate) fn alter_offsets(&self, group: &str, offsets: BTreeMap<(String, i32), i64>) {
        let mut log = self.log();
        log.offsets.retain(|(of, ..), _| of != group);
        log.offsets
            .extend(offsets.into_iter().map(|((topic, partition), next)| ((group.into(), topic, partition), next)));
    }

    /// The sink that writes numbers to a topic.
    pub(crate) fn sink(&self, topic: &'static str) -> NumberSink {
        NumberSink { cluster: self.clone(), topic }
    }
}

#[async_trait]
impl LogCluster for MemoryCluster {
    fn describe(&self) -> String {
        format!("the cluster `{}`", self.name)
    }

    async fn id(&self) -> Result<String, LogError> {
        self.reach().map(|()| self.name.into())
    }

    async fn ensure_progress_topic(&self, topic: &str) -> Result<(), LogError> {
        self.log().topics.entry(topic.into()).or_default();
        Ok(())
    }

    async fn read_committed(&self, topic: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, LogError> {
        Ok(self.log().topics.get(topic).cloned().unwrap_or_default())
    }

    async fn committed_offsets(&self, group: &str, partitions: &[(String, i32)]) -> Result<Vec<LogPosition>, LogError> {
        let offsets = self.offsets(group);
        let of = |asked: &(String, i32)| {
            let (cluster, (topic, partition)) = (self.name.to_string(), asked.clone());
            Some(LogPosition { cluster, topic, partition, next: *offsets.get(asked)? })
        };
        Ok(partitions.iter().filter_map(of).collect())
    }

    async fn producer(&self, id: &str, _: Duration) -> Result<Box<dyn TransactionalProducer>, LogError> {
        let epoch = {
            let mut log = self.log();
            let newest = log.producers.entry(id.into()).or_default();
            *newest += 1;
            *newest
        };
        Ok(Box::new(Producer { cluster: self.clone(), id: id.into(), epoch, open: Mutex::default() }))
    }
}

struct Producer {
    cluster: MemoryCluster,
    id: String,
    epoch: u64,
    open: Mutex<Transaction>,
}

#[derive(Default)]
struct Transaction {
    records: Vec<(String, Vec<u8>, Vec<u8>)>,
    offsets: Vec<(String, LogPosition)>,
}

impl Producer {
    /// The cluster's log and what is open, while this is the newest producer of its id.
    fn own(&self) -> Result<(MutexGuard<'_, Log>, MutexGuard<'_, Transaction>), LogError> {
        self.cluster.reach()?;
        let log = self.cluster.log();
        if log.producers[&self.id] != self.epoch {
            return Err(LogError::new(LogErrorKind::Fenced, "a newer producer is there"));
        }
        Ok((log, self.open.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[async_trait]
impl TransactionalProducer for Producer {
    async fn begin(&self) -> Result<(), LogError> {
        *self.own()?.1 = Transaction::default();
        Ok(())
    }

    async fn send(&self, topic: &str, records: &mut RecordBatch) -> Result<(), LogError> {
        let (_log, mut open) = self.own()?;
        let bytes = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
        open.records.extend(records.iter().map(|record| (topic.into(), bytes(record.key), bytes(record.payload))));
        records.clear();
        Ok(())
    }

    async fn send_offsets(&self, group: &str, positions: &[LogPosition]) -> Result<(), LogError> {
        let (_log, mut open) = self.own()?;
        open.offsets.extend(positions.iter().map(|position| (group.to_string(), position.clone())));
        Ok(())
    }

    async fn commit(&self) -> Result<(), LogError> {
        let (mut log, mut open) = self.own()?;
        let Transaction { records, offsets } = std::mem::take(&mut *open);
        for (topic, key, value) in records {
            log.topics.entry(topic).or_default().push((key, value));
        }
        for (group, LogPosition { topic, partition, next, .. }) in offsets {
            let there = log.offsets.insert((group, topic.clone(), partition), next);
            assert!(there.is_none_or(|there| there <= next), "{topic}/{partition} goes back from {there:?} to {next}");
        }
        Ok(())
    }

    async fn abort(&self) -> Result<(), LogError> {
        *self.own()?.1 = Transaction::default();
        Ok(())
    }
}

/// Writes numbers to a topic.
pub(crate) struct NumberSink {
    cluster: MemoryCluster,
    topic: &'static str,
}

struct NumberWriter {
    topic: &'static str,
    into: Box<dyn TransactionWriter>,
}

#[async_trait]
impl Sink for NumberSink {
    type Item = i64;
    type Staged = ();

    fn describe(&self) -> String {
        format!("topic {} on {}", self.topic, self.cluster.describe())
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn visibility(&self) -> Visibility {
        Visibility::Immediately
    }

    fn transactions(&self) -> Option<Arc<dyn LogCluster>> {
        Some(Arc::new(self.cluster.clone()))
    }

    async fn open(&self, _: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Err("it writes in transactions only".into())
    }

    async fn open_transactional(
        &self,
        _: usize,
        into: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(NumberWriter { topic: self.topic, into }))
    }
}

#[async_trait]
impl Writer<NumberSink> for NumberWriter {
    async fn write(&mut self, bundle: &mut Bundle<i64>) -> Result<(), BoxError> {
        let mut records = RecordBatch::default();
        for (number, _) in bundle.drain() {
            let put = |into: &mut Vec<u8>| {
                into.extend(number.to_be_bytes());
                true
            };
            records.push_with(|_| false, put, Vec::new(), None);
        }
        self.into.write(self.topic, &mut records).await
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        Ok(None)
    }
}

/// The numbers 0, 1, 2, … dealt out to the partitions of a topic in turn, as far as they were sent; for ever.
#[derive(Clone)]
pub(crate) struct Numbers {
    cluster: &'static str,
    partitions: i64,
    sent: Arc<Mutex<i64>>,
    most: i64,
}

/// A partition of them.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Partition {
    cluster: String,
    number: i32,
    next: i64,
}

impl Numbers {
    pub(crate) fn on(cluster: &'static str, partitions: i64) -> Self {
        Numbers { cluster, partitions, sent: Arc::default(), most: i64::MAX }
    }

    /// The same topic for a reader that comes no further than `most` in each partition.
    pub(crate) fn at_most(&self, most: i64) -> Self {
        Numbers { most, ..self.clone() }
    }

    /// Sends so many more in each partition.
    pub(crate) fn send(&self, more: i64) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) += more;
    }

    fn end(&self) -> i64 {
        self.most.min(*self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "numbers/{}", self.number)
    }
}

#[async_trait]
impl Source for Numbers {
    type Item = i64;
    type Split = Partition;

    fn describe(&self) -> String {
        "numbers".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    async fn splits(&self, _: SplitRequest) -> Result<Vec<Partition>, BoxError> {
        let partition = |number| Partition { cluster: self.cluster.into(), number: number as i32, next: 0 };
        Ok((0..self.partitions).map(partition).collect())
    }

    async fn open(&self, split: Partition) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(NumberReader { numbers: self.clone(), split }))
    }

    fn log_position(&self, split: &Partition) -> Option<LogPosition> {
        let Partition { cluster, number: partition, next } = split.clone();
        Some(LogPosition { cluster, topic: "numbers".into(), partition, next })
    }
}

struct NumberReader {
    numbers: Numbers,
    split: Partition,
}

#[async_trait]
impl Reader<Numbers> for NumberReader {
    async fn read(&mut self, into: &mut Bundle<i64>) -> Result<Progress, BoxError> {
        if self.split.next >= self.numbers.end() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for next in self.split.next..self.numbers.end() {
            let number = next * self.numbers.partitions + i64::from(self.split.number);
            into.push(number, ElementSides::at(Timestamp::from_millis(number)));
            self.split.next = next + 1;
        }
        Ok(Progress::More)
    }

    fn remaining(&self) -> Partition {
        self.split.clone()
    }
}
