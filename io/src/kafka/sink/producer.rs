//! A producing client, shared by writers, and the thread that hands out receipts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use purlin_model::transaction::Record;
use rdkafka::ClientContext;
use rdkafka::bindings;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tokio::sync::Notify;

use super::super::KafkaError;
use super::super::health::Health;
use super::super::settings::Settings;
use super::receipts::{Failure, Receipts};

/// How often the event thread looks whether it is still needed.
const EVENT_POLL: Duration = Duration::from_millis(100);
/// How long to rely on receipts alone to say that there is room again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

const DEFAULTS: [(&str, &str); 9] = [
    ("client.id", "purlin"),
    // No record is written twice or out of order by a retry.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("linger.ms", "1"),
    ("compression.type", "lz4"),
    // Java's default for records with keys: the same key lies in the same partition, whoever writes it.
    ("partitioner", "murmur2_random"),
    // An outage of up to five minutes is waited out.
    ("delivery.timeout.ms", "300000"),
    ("reconnect.backoff.max.ms", "2000"),
    // 128 MiB wait for acknowledgement, not librdkafka's 1 GiB; the number of records is bounded by its own default.
    ("queue.buffering.max.kbytes", "131072"),
];

/// A producing client, closed on a thread of its own once nobody uses it; what is not acknowledged by then is given up.
pub(crate) struct Producer {
    native: Arc<NativeProducer>,
}

/// rdkafka's client with our events.
pub(crate) type NativeProducer = BaseProducer<Events>;

impl Producer {
    /// Makes a client; connecting goes on in the background. `fixed` stands above the user's settings.
    pub(crate) fn new(settings: &Settings, fixed: &[(&str, &str)]) -> Result<Self, KafkaError> {
        let config = settings.config(&DEFAULTS, fixed)?;
        let events = Events { health: Health::new(settings), room: Notify::new(), waited_for: AtomicBool::new(false) };
        let native: NativeProducer = config.create_with_context(events).map_err(|error| settings.explain(&error))?;
        let native = Arc::new(native);
        let served = native.clone();
        // Whoever drops the last reference waits for librdkafka's threads, so that is always the thread and never a task.
        let serve = move || {
            while Arc::strong_count(&served) > 1 {
                served.poll(EVENT_POLL);
            }
        };
        let spawned = std::thread::Builder::new().name("purlin-kafka".into()).spawn(serve);
        spawned.map_err(|error| KafkaError::Other {
            what: "starting a thread for Kafka's events".into(),
            reason: error.to_string(),
        })?;
        Ok(Producer { native })
    }

    /// The client itself.
    pub(crate) fn native(&self) -> &Arc<NativeProducer> {
        &self.native
    }

    pub(crate) fn health(&self) -> &Health {
        &self.native.context().health
    }

    /// Waits until every record has its receipt; sends what lingers at once. rdkafka's own flush looks for that only every 100 ms, for it serves the
    /// events itself, which here is another thread's business.
    pub(crate) fn flush(native: &NativeProducer, limit: Duration) -> Result<(), Native> {
        let limit = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client lives as long as the reference.
        match unsafe { bindings::rd_kafka_flush(native.client().native_ptr(), limit) } {
            bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(Native::Flush(code.into())),
        }
    }

    /// Hands a record over; `false`: no room now. Its receipt goes to `receipts`.
    pub(crate) fn offer(&self, topic: &str, record: &Record<'_>, receipts: &Arc<Receipts>) -> Result<bool, Native> {
        let mut native = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, receipts.clone());
        native.key = record.key;
        native.payload = record.payload;
        native.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            let all = OwnedHeaders::new_with_capacity(record.headers.len());
            let add =
                |all: OwnedHeaders, (key, value): &(String, Vec<u8>)| all.insert(Header { key, value: Some(value) });
            native.headers = Some(record.headers.iter().fold(all, add));
        }
        receipts.sent();
        let is_full = |error: &Native| error.rdkafka_error_code() == Some(Code::QueueFull);
        let sent = match self.native.send(native) {
            Err((error, native)) if is_full(&error) => match self.native.in_flight_count() {
                // Nothing is on its way: it is the record that is too large, unless room came just now.
                0 => self.native.send(native).map(|()| true),
                _ => Ok(false),
            },
            sent => sent.map(|()| true),
        };
        if !matches!(sent, Ok(true)) {
            receipts.settled();
        }
        match sent {
            Err((error, _)) if is_full(&error) && self.native.in_flight_count() > 0 => Ok(false),
            sent => sent.map_err(|(error, _)| error),
        }
    }

    /// Waits until there may be room.
    pub(crate) async fn room(&self) {
        let events = self.native.context();
        events.waited_for.store(true, Ordering::Relaxed);
        let _ = tokio::time::timeout(LOOK_AGAIN, events.room.notified()).await;
    }
}

/// What librdkafka tells the event thread.
pub(crate) struct Events {
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
            Err((error, record)) => receipts.failed(self.failure(error, record.payload_len())),
        }
        if self.waited_for.load(Ordering::Relaxed) && self.waited_for.swap(false, Ordering::Relaxed) {
            self.room.notify_waiters();
        }
    }
}

impl Events {
    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    #[cold]
    fn failure(&self, error: &Native, len: usize) -> Failure {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let reason = match code {
            Code::MessageTimedOut => {
                let last = self.health.last().map(|reason| format!("; last trouble: {reason}")).unwrap_or_default();
                format!("no acknowledgement within `delivery.timeout.ms`{last}")
            }
            Code::InvalidTimestamp => "the broker refuses the record's timestamp as too old or too far in the \
                                             future: see the topic's `message.timestamp.before.max.ms` and `.after.max.ms`"
                .into(),
            _ => too_large(Some(code), len).unwrap_or_else(|| self.health.clean(&error.to_string())),
        };
        Failure { code, reason }
    }
}

/// What to do about a record of so many bytes, if its size was the trouble.
pub(crate) fn too_large(code: Option<Code>, len: usize) -> Option<String> {
    match code {
        Some(Code::MessageSizeTooLarge) => Some(format!(
            "a record of {len} bytes is larger than the broker takes: raise the topic's `max.message.bytes` and set \
             `message.max.bytes`"
        )),
        Some(Code::QueueFull) => Some(format!(
            "a record of {len} bytes does not fit into the producer's queue: raise `queue.buffering.max.kbytes`"
        )),
        _ => None,
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
