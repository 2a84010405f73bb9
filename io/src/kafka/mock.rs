//! A Kafka broker inside the process, for demos and tests that need no durability.
//!
//! It is librdkafka's mock cluster: real network connections and a real protocol, a log in memory. What it cannot do: a
//! partition keeps 5 MiB or 100,000 records and forgets older ones; transactions are accepted but not kept apart (`read_committed` sees
//! aborted records); looking up offsets by time finds nothing.

use rdkafka::error::KafkaError as Native;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::KafkaError;

/// A running broker; stopped when it is dropped.
///
/// ```
/// use purlin_io::kafka::mock::MockBroker;
/// let broker = MockBroker::start(&[("orders", 4)])?;
/// assert!(broker.bootstrap_servers().starts_with("127.0.0.1:"));
/// # Ok::<(), purlin_io::kafka::KafkaError>(())
/// ```
pub struct MockBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
    servers: String,
}

// SAFETY: the cluster is a handle to librdkafka's own thread, and librdkafka locks it on every call.
unsafe impl Send for MockBroker {}
// SAFETY: as above.
unsafe impl Sync for MockBroker {}

impl MockBroker {
    /// Starts a broker with these topics and numbers of partitions.
    pub fn start(topics: &[(&str, usize)]) -> Result<Self, KafkaError> {
        let failed = |what: &str, error: Native| KafkaError::Other {
            what: format!("{what} in the mock broker"),
            reason: error.to_string(),
        };
        let cluster = MockCluster::new(1).map_err(|error| failed("starting", error))?;
        let broker = MockBroker { servers: cluster.bootstrap_servers(), cluster };
        for (topic, partitions) in topics {
            let count = i32::try_from(*partitions).unwrap_or(i32::MAX);
            let made = broker.cluster.create_topic(topic, count, 1);
            made.map_err(|error| failed(&format!("creating topic `{topic}`"), error))?;
        }
        Ok(broker)
    }

    /// Where clients reach it.
    pub fn bootstrap_servers(&self) -> &str {
        &self.servers
    }

    /// Takes it off the network, its records kept, until [`resume`](Self::resume).
    pub fn suspend(&self) -> Result<(), KafkaError> {
        self.cluster
            .broker_down(1)
            .map_err(|error| KafkaError::Other { what: "suspending".into(), reason: error.to_string() })
    }

    /// Lets clients reach it again.
    pub fn resume(&self) -> Result<(), KafkaError> {
        self.cluster
            .broker_up(1)
            .map_err(|error| KafkaError::Other { what: "resuming".into(), reason: error.to_string() })
    }
}

impl std::fmt::Debug for MockBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockBroker").field("bootstrap_servers", &self.servers).finish()
    }
}
