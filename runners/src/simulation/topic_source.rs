//! A topic of a simulated cluster as a source: another source's splits are its partitions, and their elements its records.
//!
//! A position is an offset and nothing else, as in Kafka. So whoever reads from an offset that is not what it was (for the log was cut, or is that of
//! another cluster) gets other records, and a job that does not refuse that gives itself away by its output.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::source::{Boundedness, BoxSource, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::transaction::LogPosition;
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

use super::topic::SimulatedTopic;

/// About how many partitions a topic has whose records come from a source that can be cut anywhere.
const PARTITIONS: usize = 3;
/// How long a reader waits at the end of a partition before it looks again.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(250);

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
    /// The source that reads `topic`, whose records come from `inner`.
    pub(super) fn new(topic: SimulatedTopic, inner: BoxSource<T>, boundedness: Boundedness) -> Self {
        TopicSource { inner, topic, boundedness, listed: Arc::default() }
    }

    /// Asks the other source what the records are, unless that is known.
    async fn load(&self) -> Result<(), BoxError> {
        if self.topic.is_loaded() {
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
        self.topic.load(records);
        Ok(())
    }

    fn list(&self, partitions: impl IntoIterator<Item = i32>) {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).extend(partitions);
    }

    /// Whether no partition can come up any more that this reader does not know of.
    fn is_whole(&self) -> bool {
        self.topic.is_whole(self.listed.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}

#[async_trait]
impl<T: Element> Source for TopicSource<T> {
    type Item = T;
    type Split = TopicSplit;

    fn describe(&self) -> String {
        format!("{} in simulated topic {}", self.inner.describe(), self.topic.name())
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
        let (records, mut ahead) = self.topic.records(split.partition).ok_or("the partition is gone")?;
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
