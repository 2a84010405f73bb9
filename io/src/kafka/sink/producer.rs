//! The producing client of a sink, shared by its writers, and the thread that hands out receipts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tokio::sync::Notify;

use super::super::KafkaError;
use super::super::health::Health;
use super::super::settings::Settings;
use super::receipts::Receipts;

/// How often the event thread looks whether it is still needed.
const EVENT_POLL: Duration = Duration::from_millis(100);
/// How long to rely on receipts alone to say that there is room again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

const DEFAULTS: [(&str, &str); 9] = [
    ("client.id", "purlin"),
    // No record is written twice or out of order by a retry.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("linger.ms", "5"),
    ("compression.type", "lz4"),
    // Java's default for records with keys: the same key lies in the same partition, whoever writes it.
    ("partitioner", "murmur2_random"),
    // An outage of up to five minutes is waited out.
    ("delivery.timeout.ms", "300000"),
    ("reconnect.backoff.max.ms", "2000"),
    // 128 MiB wait for acknowledgement, not librdkafka's 1 GiB; the number of records is bounded by its own default.
    ("queue.buffering.max.kbytes", "131072"),
];

/// One record, ready to go.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) key: Option<Vec<u8>>,
    pub(super) payload: Vec<u8>,
    pub(super) tombstone: bool,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// Milliseconds since 1970; `None`: now.
    pub(super) timestamp: Option<i64>,
}

/// A producing client, closed when it is dropped; what is not acknowledged by then is given up.
pub(super) struct Producer {
    inner: Arc<BaseProducer<Events>>,
    stop: Arc<AtomicBool>,
    topic: String,
}

impl Producer {
    pub(super) fn new(settings: &Settings, topic: &str) -> Result<Self, KafkaError> {
        let config = settings.config(&DEFAULTS, &[])?;
        let events = Events { health: Health::new(settings), room: Notify::new(), waited_for: AtomicBool::new(false) };
        let inner: BaseProducer<Events> =
            config.create_with_context(events).map_err(|error| settings.explain(&error))?;
        let inner = Arc::new(inner);
        let stop = Arc::new(AtomicBool::new(false));
        let (served, stopped) = (inner.clone(), stop.clone());
        // The thread owns a reference, so that closing (which waits for librdkafka's threads) happens there and not in a task.
        let serve = move || {
            while !stopped.load(Ordering::Relaxed) {
                served.poll(EVENT_POLL);
            }
        };
        let spawned = std::thread::Builder::new().name("purlin-kafka".into()).spawn(serve);
        spawned.map_err(|error| KafkaError::Other {
            what: "starting a thread for Kafka's events".into(),
            reason: error.to_string(),
        })?;
        Ok(Producer { inner, stop, topic: topic.into() })
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn check(&self) -> Result<(), KafkaError> {
        self.inner.context().health.check()
    }

    /// Hands a record over; `false`: no room now. Its receipt goes to `receipts`.
    pub(super) fn offer(&self, record: &Outgoing, receipts: &Arc<Receipts>) -> Result<bool, KafkaError> {
        let mut native = BaseRecord::<[u8], [u8], _>::with_opaque_to(&self.topic, receipts.clone());
        native.key = record.key.as_deref();
        native.payload = (!record.tombstone).then_some(&record.payload);
        native.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            let all = OwnedHeaders::new_with_capacity(record.headers.len());
            let add =
                |all: OwnedHeaders, (key, value): &(String, Vec<u8>)| all.insert(Header { key, value: Some(value) });
            native.headers = Some(record.headers.iter().fold(all, add));
        }
        receipts.sent();
        match self.inner.send(native) {
            Ok(()) => Ok(true),
            Err((error, _)) => {
                receipts.settled();
                match error.rdkafka_error_code() {
                    Some(Code::QueueFull) => Ok(false),
                    _ => Err(self.unwritable(&error.to_string())),
                }
            }
        }
    }

    /// Waits until there may be room.
    pub(super) async fn room(&self) {
        let events = self.inner.context();
        events.waited_for.store(true, Ordering::Relaxed);
        let _ = tokio::time::timeout(LOOK_AGAIN, events.room.notified()).await;
    }

    pub(super) fn unwritable(&self, reason: &str) -> KafkaError {
        let reason = self.inner.context().health.clean(reason);
        KafkaError::Unwritable { topic: self.topic.clone(), reason }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What librdkafka tells the event thread.
struct Events {
    health: Health,
    room: Notify,
    waited_for: AtomicBool,
}

impl ProducerContext for Events {
    type DeliveryOpaque = Arc<Receipts>;

    fn delivery(&self, result: &DeliveryResult<'_>, receipts: Arc<Receipts>) {
        match result {
            Ok(_) => {
                self.health.up();
                receipts.settled();
            }
            Err((error, record)) => receipts.failed(self.explain(error, record.payload_len())),
        }
        if self.waited_for.load(Ordering::Relaxed) && self.waited_for.swap(false, Ordering::Relaxed) {
            self.room.notify_waiters();
        }
    }
}

impl Events {
    #[cold]
    fn explain(&self, error: &Native, len: usize) -> String {
        match error.rdkafka_error_code() {
            Some(Code::MessageTimedOut) => {
                let last = self.health.last().map(|reason| format!("; last trouble: {reason}")).unwrap_or_default();
                format!("no acknowledgement within `delivery.timeout.ms`{last}")
            }
            Some(Code::MessageSizeTooLarge) => format!(
                "a record of {len} bytes is larger than the broker takes: raise the topic's `max.message.bytes` and set \
                 `message.max.bytes`"
            ),
            Some(Code::InvalidTimestamp) => "the broker refuses the record's timestamp as too old or too far in the \
                                             future: see the topic's `message.timestamp.before.max.ms` and `.after.max.ms`"
                .into(),
            _ => self.health.clean(&error.to_string()),
        }
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.health.log(level, facility, message);
    }

    fn error(&self, error: Native, reason: &str) {
        self.health.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.health.stats_raw(statistics);
    }
}
