//! Kafka's transactions: records of several topics that become visible at once, or never.
//!
//! What librdkafka does of it blocks. [`calls`] gives a producer's calls a thread of their own; questions to the cluster go through
//! [`ask`] like all others. Records themselves are handed over by whoever sends them, as a sink's are. [`failure`] says of each error what has to
//! be done about it: librdkafka calls fatal whatever ends one client, while a new client cures most of that.

mod calls;
mod failure;
mod groups;
mod producer;
mod progress;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use purlin_model::transaction::{LogCluster, LogError, LogPosition, TransactionalProducer};

use self::producer::KafkaTransactions;
use super::client::Client;
use super::cluster::ask;
use super::settings::Settings;

/// A Kafka cluster whose transactions make a job's output exactly-once: a [`KafkaSink`](super::KafkaSink) gives its own.
///
/// It needs brokers of version 2.5 or newer, and for its principal the rights to write the topics, to use the transactional id, to make or
/// describe the topic of the job's progress and, where the job reads from it, to commit offsets for the group that is named after the job.
///
/// ```no_run
/// use purlin_io::kafka::KafkaCluster;
/// use purlin_model::transaction::LogCluster;
/// # async fn demo() -> Result<(), purlin_model::BoxError> {
/// let cluster = KafkaCluster::new("localhost:9092");
/// let producer = cluster.producer("totals", purlin_model::minutes(1)).await?;
/// producer.begin().await?;
/// producer.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KafkaCluster {
    settings: Settings,
}

impl KafkaCluster {
    /// The cluster that `servers` (`host:port`, several with commas) belong to.
    pub fn new(servers: impl Into<String>) -> Self {
        KafkaCluster::with(Settings::new(servers.into()))
    }

    pub(super) fn with(mut settings: Settings) -> Self {
        // What was committed is all that counts here, whatever a sink's settings say.
        settings.remove("isolation.level");
        KafkaCluster { settings }
    }

    /// A setting of librdkafka. Those that would lose or repeat records are refused when the cluster is first asked.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.set(name.into(), value.into());
        self
    }
}

#[async_trait]
impl LogCluster for KafkaCluster {
    fn describe(&self) -> String {
        format!("Kafka at {}", self.settings.servers())
    }

    async fn id(&self) -> Result<String, LogError> {
        let settings = self.settings.clone();
        Ok(ask(move || Client::new(&settings, &[])?.cluster_id()).await?)
    }

    async fn ensure_progress_topic(&self, topic: &str) -> Result<(), LogError> {
        progress::ensure(&self.settings, topic).await
    }

    async fn read_committed(&self, topic: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, LogError> {
        progress::read(&self.settings, topic).await
    }

    async fn committed_offsets(&self, group: &str, partitions: &[(String, i32)]) -> Result<Vec<LogPosition>, LogError> {
        let (settings, group, partitions) = (self.settings.clone(), group.to_string(), partitions.to_vec());
        Ok(ask(move || groups::committed(&settings, &group, &partitions)).await?)
    }

    async fn producer(
        &self,
        transactional_id: &str,
        timeout: Duration,
    ) -> Result<Box<dyn TransactionalProducer>, LogError> {
        Ok(Box::new(KafkaTransactions::open(&self.settings, transactional_id, timeout).await?))
    }
}

impl fmt::Debug for KafkaCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaCluster").field("settings", &self.settings).finish()
    }
}
