//! Topics as a source.
//!
//! Every partition of every topic is a split, read from a concrete offset on. Offsets that are asked for by name (earliest, latest, a
//! time) are looked up once, at launch, so that what a split says is what will be read. A split that is opened again, after hours perhaps,
//! is first compared with what is there: another cluster, or a log without its offset, is an error and never a silent jump.

mod connections;
mod launch;
mod log;
mod missing;
mod presence;
mod queue;
mod reader;
mod split;
mod start;

pub use missing::MissingOffsets;
pub(super) use reader::PartitionReader;
pub use split::KafkaSplit;
pub use start::Start;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use purlin_model::source::{Boundedness, Io, Reader, Source, SplitRequest};
use purlin_model::transaction::LogPosition;
use purlin_model::{BoxError, Element, Timestamp};
use serde::de::DeserializeOwned;

use self::connections::Connections;
use self::launch::Launch;
use self::log::Log;
use self::queue::PartitionQueue;
use super::cluster::ask;
use super::decode::{AtEventTime, AtRecordTime, Bytes, Decode, Json, NoDecoder, OrDeadLetter, decoded};
use super::settings::Settings;
use super::{Decoder, Record};
use crate::DeadLetter;

/// After how long without records a partition stops holding the watermark back, unless said otherwise.
const IDLE: Duration = Duration::from_secs(10);

/// Stands for the elements of a source whose decoder has not been chosen: call `json`, `bytes` or `decode`.
#[derive(Clone, Copy, Debug)]
pub enum Undecoded {}

/// Reads all partitions of one or more topics.
///
/// It goes on until the pipeline is stopped, or [`until_end`](Self::until_end). No consumer group is joined and no offset is committed:
/// positions belong to the pipeline. Partitions that are added to a topic later are read from their start.
///
/// Of transactions, only records that were committed are seen: `isolation.level` is `read_committed` unless [`set`](Self::set) otherwise.
/// Records behind a transaction that is still open wait for it to be decided.
///
/// ```no_run
/// use purlin_io::kafka::{KafkaSource, Start};
/// use purlin_model::{Timestamp, seconds};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Order { at: Timestamp }
/// let orders = KafkaSource::new("localhost:9092", ["orders"])
///     .json::<Order>()
///     .start(Start::Latest)
///     .event_time(|order| order.at)
///     .out_of_orderness(seconds(10))
///     .or_dead_letter(); // elements are `Result<Order, DeadLetter>` from here on
/// ```
pub struct KafkaSource<T = Undecoded> {
    settings: Settings,
    topics: Vec<String>,
    start: Start,
    bound: Duration,
    idle: Option<Duration>,
    until_end: bool,
    missing: MissingOffsets,
    decode: Arc<dyn Decode<T>>,
    connections: Arc<Connections>,
}

impl KafkaSource {
    /// Reads `topics` from the cluster that `servers` (`host:port`, several with commas) belong to.
    pub fn new(servers: impl Into<String>, topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut listed: Vec<String> = Vec::new();
        for topic in topics.into_iter().map(Into::into) {
            if !listed.contains(&topic) {
                listed.push(topic);
            }
        }
        KafkaSource {
            settings: Settings::new(servers.into()),
            topics: listed,
            start: Start::default(),
            bound: Duration::ZERO,
            idle: Some(IDLE),
            until_end: false,
            missing: MissingOffsets::default(),
            decode: Arc::new(NoDecoder),
            connections: Arc::default(),
        }
    }

    /// Values are JSON.
    pub fn json<T: Element + DeserializeOwned>(self) -> KafkaSource<T> {
        self.decode(Json(PhantomData))
    }

    /// Values as bytes.
    pub fn bytes(self) -> KafkaSource<Vec<u8>> {
        self.decode(Bytes)
    }

    /// Elements are made by `decoder`, which sees whole records.
    pub fn decode<D: Decoder>(self, decoder: D) -> KafkaSource<D::Item> {
        self.with(|_| Arc::new(AtRecordTime(decoder)))
    }
}

impl<T: 'static> KafkaSource<T> {
    /// Where to begin; [`Start::Earliest`] unless said.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Where an element's event time is. Unless said, it is the record's timestamp.
    pub fn event_time(self, of: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> Self {
        self.with(|inner| Arc::new(AtEventTime { inner, of }))
    }

    /// How far behind the greatest event time seen in its partition an element may come without being late. Zero unless said.
    pub fn out_of_orderness(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }

    /// After how long without records a partition stops holding the watermark back; `None`: never. Ten seconds unless said.
    pub fn idle_timeout(mut self, after: Option<Duration>) -> Self {
        self.idle = after;
        self
    }

    /// Reads what is there at launch, then ends.
    pub fn until_end(mut self) -> Self {
        self.until_end = true;
        self
    }

    /// What to do where a position to go on from is not in the log any more; [`MissingOffsets::Refuse`] unless said.
    pub fn on_missing_offsets(mut self, then: MissingOffsets) -> Self {
        self.missing = then;
        self
    }

    /// A setting of librdkafka. Those that would lose or repeat records are refused at launch.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.set(name.into(), value.into());
        self
    }

    /// Malformed records become elements. Without this the first of them fails the pipeline.
    pub fn or_dead_letter(self) -> KafkaSource<Result<T, DeadLetter>> {
        self.with(|inner| Arc::new(OrDeadLetter(inner)))
    }

    /// The element that a record gives, with its event time, or why there is none: to test decoders with.
    ///
    /// ```
    /// use purlin_io::kafka::{KafkaSource, Record};
    /// let source = KafkaSource::new("localhost:9092", ["numbers"]).json::<i64>().event_time(|n| purlin_model::Timestamp::from_millis(*n));
    /// assert_eq!(source.element_of(&Record::of("numbers", b"7")).unwrap().0, 7);
    /// assert!(source.element_of(&Record::of("numbers", b"seven")).is_err());
    /// ```
    pub fn element_of(&self, record: &Record<'_>) -> Result<(T, Timestamp), BoxError> {
        let (at, decoded) = decoded(&*self.decode, record)?;
        Ok((decoded.value, at))
    }

    fn with<U>(self, wrap: impl FnOnce(Arc<dyn Decode<T>>) -> Arc<dyn Decode<U>>) -> KafkaSource<U> {
        let KafkaSource { settings, topics, start, bound, idle, until_end, missing, decode, connections } = self;
        KafkaSource { settings, topics, start, bound, idle, until_end, missing, decode: wrap(decode), connections }
    }

    fn launch(&self) -> Launch {
        Launch {
            settings: self.settings.clone(),
            topics: self.topics.clone(),
            start: self.start,
            missing: self.missing,
            until_end: self.until_end,
        }
    }
}

#[async_trait]
impl<T: Element> Source for KafkaSource<T> {
    type Item = T;
    type Split = KafkaSplit;

    fn describe(&self) -> String {
        let what = if self.topics.len() == 1 { "topic" } else { "topics" };
        format!("Kafka {what} {} on {}, from {}", self.topics.join(", "), self.settings.servers(), self.start)
    }

    fn boundedness(&self) -> Boundedness {
        if self.until_end { Boundedness::Bounded } else { Boundedness::Unbounded }
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.idle
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<KafkaSplit>, BoxError> {
        let (launch, bounded) = (self.launch(), request.bounded || self.until_end);
        let found = ask(move || launch.splits(bounded)).await?;
        self.connections.expect(found.splits.len());
        self.connections.tell(found.logs);
        Ok(found.splits)
    }

    async fn open(&self, split: KafkaSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        if self.connections.expected().is_none() {
            let launch = self.launch();
            self.connections.expect(ask(move || launch.count()).await?);
        }
        let bound_ms = i64::try_from(self.bound.as_millis()).unwrap_or(i64::MAX);
        let opened = |split, queue| Box::new(PartitionReader::new(split, queue, self.decode.clone(), bound_ms));
        if split.has_ended() {
            return Ok(opened(split, None));
        }
        let lease = self.connections.lease(&self.settings, &split.topic, split.partition)?;
        let known = self.connections.log(&split.topic, split.partition);
        let (launch, then) = (self.launch(), self.missing);
        let settled = ask(move || {
            let log = match known {
                Some(log) => log,
                None => Log::ask(lease.client(), &[(&split.topic, split.partition)])?.remove(0),
            };
            let asked = split.clone();
            let split = log.settle(split, then, || launch.log_end(&asked))?;
            Ok((lease, split))
        });
        let (lease, split) = settled.await?;
        let queue = match split.has_ended() {
            true => None,
            false => Some(PartitionQueue::start(lease, split.next)?),
        };
        Ok(opened(split, queue))
    }

    async fn discover(&self, known: Vec<KafkaSplit>) -> Result<Vec<KafkaSplit>, BoxError> {
        let launch = self.launch();
        let found = ask(move || launch.discover(&known)).await?;
        self.connections.expect(found.logs.len());
        self.connections.tell(found.logs);
        Ok(found.splits)
    }

    fn log_position(&self, split: &KafkaSplit) -> Option<LogPosition> {
        Some(split.position())
    }
}

impl<T> fmt::Debug for KafkaSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSource")
            .field("topics", &self.topics)
            .field("start", &self.start)
            .field("on_missing_offsets", &self.missing)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
