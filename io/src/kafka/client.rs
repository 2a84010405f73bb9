//! A consuming client and the thread that serves its events.
//!
//! It is a librdkafka consumer without a group: good for metadata, offsets and for fetching assigned partitions. Records do not pass
//! through the event thread, which only forwards log lines and errors to [`Health`].

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafka;

use super::KafkaError;
use super::health::Health;
use super::settings::Settings;

/// How often the event thread looks whether it is still needed.
const EVENT_POLL: Duration = Duration::from_millis(100);

const DEFAULTS: [(&str, &str); 4] = [
    ("client.id", "purlin"),
    ("isolation.level", "read_committed"),
    // A restarted broker is used again soon, not after librdkafka's 10 s.
    ("reconnect.backoff.max.ms", "2000"),
    ("topic.metadata.refresh.fast.interval.ms", "200"),
];

const FIXED: [(&str, &str); 4] = [
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
    ("allow.auto.create.topics", "false"),
];

/// A client, closed on a thread of its own once nobody uses it.
pub(crate) struct Client {
    consumer: Arc<BaseConsumer<Health>>,
}

impl Client {
    /// Makes a client; connecting goes on in the background. `defaults` stand below the user's settings.
    pub(crate) fn new(settings: &Settings, defaults: &[(&str, &str)]) -> Result<Self, KafkaError> {
        Client::made(settings, defaults, &FIXED)
    }

    /// A client that sees records of open and of aborted transactions, too: its end of a partition is that of the log.
    pub(crate) fn uncommitted(settings: &Settings) -> Result<Self, KafkaError> {
        Client::made(settings, &[], &[FIXED.as_slice(), &[("isolation.level", "read_uncommitted")]].concat())
    }

    fn made(settings: &Settings, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> Result<Self, KafkaError> {
        let config = settings.config(&[&DEFAULTS, defaults].concat(), fixed)?;
        let consumer: BaseConsumer<Health> =
            config.create_with_context(Health::new(settings)).map_err(|error| settings.explain(&error))?;
        let consumer = Arc::new(consumer);
        let served = consumer.clone();
        // Whoever drops the last reference waits for librdkafka's threads, so that is always the thread and never a task.
        let serve = move || {
            while Arc::strong_count(&served) > 1 {
                drop(served.poll(EVENT_POLL));
            }
        };
        let spawned = std::thread::Builder::new().name("purlin-kafka".into()).spawn(serve);
        spawned.map_err(|error| KafkaError::Other {
            what: "starting a thread for Kafka's events".into(),
            reason: error.to_string(),
        })?;
        Ok(Client { consumer })
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<Health> {
        &self.consumer
    }

    pub(crate) fn health(&self) -> &Health {
        self.consumer.context()
    }

    /// librdkafka's handle, valid as long as this client lives.
    pub(crate) fn native(&self) -> *mut RDKafka {
        self.consumer.client().native_ptr()
    }
}
