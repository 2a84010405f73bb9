//! Transactions of a replicated log: what an exactly-once sink on Kafka needs of its cluster.
//!
//! A [`LogCluster`] can commit records of several topics at once. The runner keeps one [`TransactionalProducer`] for the whole job: all its
//! sinks on that cluster write into one open transaction, and a checkpoint commits it together with the record that names the snapshot. How
//! that is done without losing or repeating anything is the runner's business; these traits say only what a cluster does, so
//! that a simulated one can take its place.

mod batch;
mod error;
mod extent;

pub use batch::{Record, RecordBatch};
pub use error::{LogError, LogErrorKind};
pub use extent::{LogExtent, PositionError};

use std::time::Duration;

use async_trait::async_trait;

use crate::BoxError;

/// A position in a log, as monitoring tools know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The cluster, by its [id](LogCluster::id).
    pub cluster: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub next: i64,
}

/// A cluster that has transactions.
#[async_trait]
pub trait LogCluster: Send + Sync {
    /// The cluster as the user named it, for messages. Never a secret.
    fn describe(&self) -> String;
    /// What tells it from any other cluster, asked of itself.
    async fn id(&self) -> Result<String, LogError>;
    /// Makes sure that `topic` is there, with one partition and compacted: makes it, or checks what is there.
    async fn ensure_progress_topic(&self, topic: &str) -> Result<(), LogError>;
    /// The committed records of partition 0 of `topic`, keys and values, from its start to its end as it is now. Waits for transactions that
    /// are open there to be decided.
    async fn read_committed(&self, topic: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, LogError>;
    /// The offsets that were committed for `group`, of these partitions.
    async fn committed_offsets(&self, group: &str, partitions: &[(String, i32)]) -> Result<Vec<LogPosition>, LogError>;
    /// The producer of this transactional id. Any earlier one is fenced from here on, and what it had not committed is aborted. The cluster
    /// aborts a transaction that is open for longer than `timeout`.
    async fn producer(
        &self,
        transactional_id: &str,
        timeout: Duration,
    ) -> Result<Box<dyn TransactionalProducer>, LogError>;
}

/// Writes transactions, one after the other. After an error other than [`Retriable`](LogErrorKind::Retriable) it is dropped, and what was
/// committed has to be [read](LogCluster::read_committed): the error of a commit does not say whether it happened.
#[async_trait]
pub trait TransactionalProducer: Send + Sync {
    /// Begins a transaction.
    async fn begin(&self) -> Result<(), LogError>;
    /// Hands over all records of the batch, which is empty afterwards. Waits while too many are on their way.
    async fn send(&self, topic: &str, records: &mut RecordBatch) -> Result<(), LogError>;
    /// Adds positions to the transaction that consumers of `group` would go on from.
    async fn send_offsets(&self, group: &str, positions: &[LogPosition]) -> Result<(), LogError>;
    /// Waits until the cluster has every record, then commits.
    async fn commit(&self) -> Result<(), LogError>;
    /// Gives the transaction up: nobody who reads committed records sees any of it.
    async fn abort(&self) -> Result<(), LogError>;
}

/// Where the writer of a transactional sink puts its records: into the transaction of the checkpoint that they belong to.
#[async_trait]
pub trait TransactionWriter: Send {
    /// Takes all records out of the batch. Waits while too much waits to be committed.
    async fn write(&mut self, topic: &str, records: &mut RecordBatch) -> Result<(), BoxError>;
}
