//! A topic as a sink.
//!
//! Without checkpoints, records are visible as soon as they are written; a stage waits until the brokers have acknowledged all of the
//! writer's. The producer is idempotent: its own retries neither repeat nor reorder records. A pipeline that fails and is run again writes again.
//! With checkpoints, records go into the [transactions](super::KafkaCluster) of the job, which writes each of them exactly once.

mod form;
pub(crate) mod producer;
pub(crate) mod receipts;
mod writer;

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use purlin_model::sink::{Io, Sink, SinkRun, Visibility, Writer};
use purlin_model::transaction::{LogCluster, TransactionWriter};
use purlin_model::{BoxError, Element};

use self::form::Form;
use self::producer::Producer;
use self::writer::{KafkaWriter, TransactionalKafkaWriter};
use super::client::Client;
use super::cluster::ask;
use super::encode::{Bytes, Json, NoEncoder};
use super::settings::Settings;
use super::{Encoder, KafkaCluster, KafkaError};

/// Stands for the elements of a sink whose encoder has not been chosen: call `json`, `bytes` or `encode`.
#[derive(Clone, Copy, Debug)]
pub enum Unencoded {}

/// Writes a topic.
///
/// In a job with checkpoints that wants exactly-once output, the records of one checkpoint are one transaction: readers with
/// `isolation.level=read_committed` see each of them once, whatever fails in between. Other jobs' records can be read as soon as they are written.
///
/// A record's timestamp is the time when it is written, unless [`timestamp_from_event_time`](Self::timestamp_from_event_time) says otherwise:
/// brokers delete by record timestamps, and results of replayed history would be gone within minutes.
///
/// ```no_run
/// use purlin_io::kafka::KafkaSink;
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Total { customer: i64, total: i64 }
/// let totals = KafkaSink::new("localhost:9092", "totals")
///     .json::<Total>()
///     .key(|total| total.customer.to_string().into_bytes());
/// ```
pub struct KafkaSink<T = Unencoded> {
    settings: Settings,
    form: Form<T>,
    /// The writers' producer, as long as there are writers.
    producer: Arc<Mutex<Weak<Producer>>>,
}

impl KafkaSink {
    /// Writes `topic` on the cluster that `servers` (`host:port`, several with commas) belong to. The topic must exist.
    pub fn new(servers: impl Into<String>, topic: impl Into<String>) -> Self {
        let topic = topic.into().into();
        let form = Form { topic, encoder: Arc::new(NoEncoder), key: None, headers: None, at_event_time: false };
        KafkaSink { settings: Settings::new(servers.into()), form, producer: Arc::default() }
    }

    /// Values are JSON.
    pub fn json<T: Element>(self) -> KafkaSink<T> {
        self.encode(Json(PhantomData))
    }

    /// Values are the elements' bytes.
    pub fn bytes(self) -> KafkaSink<Vec<u8>> {
        self.encode(Bytes)
    }

    /// Values are made by `encoder`.
    pub fn encode<E: Encoder>(self, encoder: E) -> KafkaSink<E::Item> {
        let KafkaSink { settings, form: Form { topic, at_event_time, .. }, producer } = self;
        let form = Form { topic, encoder: Arc::new(encoder), key: None, headers: None, at_event_time };
        KafkaSink { settings, form, producer }
    }
}

impl<T> KafkaSink<T> {
    /// The records' key: records of one key lie in one partition, in order, and a compacted topic keeps each key's last one. Without
    /// keys, records go to any partition.
    pub fn key(mut self, key: impl Fn(&T) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.form.key = Some(Arc::new(key));
        self
    }

    /// The records' headers.
    pub fn headers(mut self, headers: impl Fn(&T) -> Vec<(String, Vec<u8>)> + Send + Sync + 'static) -> Self {
        self.form.headers = Some(Arc::new(headers));
        self
    }

    /// Records carry their elements' event time, or the time of writing where that is before 1970 or more than an hour ahead of the clock,
    /// which brokers refuse (an early result stands at the end of its window, and one of the global window at the end of time).
    /// Mind that the broker deletes what is older than the topic's `retention.ms` by this time.
    pub fn timestamp_from_event_time(mut self) -> Self {
        self.form.at_event_time = true;
        self
    }

    /// Records carry the time when they are written, as they do unless said otherwise.
    pub fn timestamp_from_clock(mut self) -> Self {
        self.form.at_event_time = false;
        self
    }

    /// A setting of librdkafka. Those that would lose or repeat records are refused at launch.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.set(name.into(), value.into());
        self
    }

    /// The producer that all writers share.
    fn shared_producer(&self) -> Result<Arc<Producer>, KafkaError> {
        let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = current.upgrade() {
            return Ok(producer);
        }
        let producer = Arc::new(Producer::new(&self.settings, &[])?);
        *current = Arc::downgrade(&producer);
        Ok(producer)
    }
}

#[async_trait]
impl<T: Element> Sink for KafkaSink<T> {
    type Item = T;
    type Staged = ();

    fn describe(&self) -> String {
        format!("Kafka topic {} on {}", self.form.topic, self.settings.servers())
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn visibility(&self) -> Visibility {
        Visibility::Immediately
    }

    fn transactions(&self) -> Option<Arc<dyn LogCluster>> {
        Some(Arc::new(KafkaCluster::with(self.settings.clone())))
    }

    async fn begin(&self, _: &SinkRun) -> Result<(), BoxError> {
        // Made for its errors: settings that contradict each other are told before anything is read.
        drop(self.shared_producer()?);
        let (settings, topic) = (self.settings.clone(), self.form.topic.clone());
        // Asked by a consuming client: a producing one may create a topic by asking for it.
        ask(move || Client::new(&settings, &[])?.partitions(&topic)).await?;
        Ok(())
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(KafkaWriter::new(self.shared_producer()?, self.form.clone())))
    }

    async fn open_transactional(
        &self,
        _worker: usize,
        transaction: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(TransactionalKafkaWriter::new(self.form.clone(), transaction)))
    }
}

impl<T> fmt::Debug for KafkaSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSink")
            .field("topic", &self.form.topic)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
