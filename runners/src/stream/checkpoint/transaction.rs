//! The open transaction of a job, and the writers that fill it.
//!
//! There is one transactional producer and one open transaction for the whole job. Records of checkpoint n go into it as they come.
//! Behind barrier n a writer's records belong to n + 1: they wait in a bounded buffer until the commit of n has returned and the next
//! transaction is open.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use purlin_model::BoxError;
use purlin_model::transaction::{
    LogCluster, LogError, LogErrorKind, LogPosition, RecordBatch, TransactionWriter, TransactionalProducer,
};
use tokio::sync::watch;

use super::offsets::consumer_group;
use crate::checkpoint::Commit;

/// What one writer holds back while a commit is under way. Enough for a second or two of output; beyond that it waits, and so does the source.
const WAITING_BYTES: usize = 32 << 20;

/// A job's transactions on its cluster.
pub(in crate::stream) struct JobTransactions {
    cluster_id: String,
    producer: Box<dyn TransactionalProducer>,
    job: String,
    /// The checkpoint whose transaction is open.
    open: watch::Sender<u64>,
}

impl JobTransactions {
    /// Fences whoever wrote for the job before, whose open transaction is aborted by that, and then reads what was committed. In this order:
    /// the other way round a commit could slip in between.
    pub(in crate::stream) async fn start(
        cluster: Arc<dyn LogCluster>,
        job: &str,
        timeout: Duration,
    ) -> Result<(Self, Option<Commit>), LogError> {
        let topic = progress_topic(job);
        let cluster_id = cluster.id().await?;
        cluster.ensure_progress_topic(&topic).await?;
        let producer = cluster.producer(&transactional_id(job), timeout).await?;
        let records = cluster.read_committed(&topic).await?;
        let last = records.into_iter().rev().find(|(key, _)| key == job.as_bytes());
        let progress = last.map(|(_, record)| Commit::from_record(&record)).transpose().map_err(|error| {
            let message =
                format!("the progress record in topic `{topic}` on {} cannot be read: {error}", cluster.describe());
            LogError::new(LogErrorKind::Fatal, message)
        })?;
        let transactions = JobTransactions { cluster_id, producer, job: job.into(), open: watch::Sender::new(0) };
        Ok((transactions, progress))
    }

    /// The cluster's own id.
    pub(in crate::stream) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Opens the transaction of a checkpoint: what waits for it can go.
    pub(in crate::stream) async fn open(&self, checkpoint: u64) -> Result<(), LogError> {
        self.producer.begin().await?;
        self.open.send_replace(checkpoint);
        Ok(())
    }

    /// Commits the open transaction together with the record that names its snapshot. An error says nothing about whether it happened.
    pub(in crate::stream) async fn commit(&self, progress: &Commit, positions: &[LogPosition]) -> Result<(), LogError> {
        let mut record = RecordBatch::default();
        let add = |from: &[u8]| {
            let from = from.to_vec();
            move |into: &mut Vec<u8>| {
                into.extend_from_slice(&from);
                true
            }
        };
        record.push_with(add(self.job.as_bytes()), add(&progress.to_record()), Vec::new(), None);
        self.producer.send(&progress_topic(&self.job), &mut record).await?;
        if !positions.is_empty() {
            self.producer.send_offsets(&consumer_group(&self.job), positions).await?;
        }
        self.producer.commit().await
    }

    /// Gives up what is open. What goes wrong is of no account: whoever comes next aborts it.
    pub(in crate::stream) async fn abort(&self) {
        let _ = self.producer.abort().await;
    }

    /// Where one writer puts its records; `next` is the checkpoint that they belong to at first.
    pub(in crate::stream) fn buffer(self: &Arc<Self>, next: u64) -> Arc<WriterBuffer> {
        Arc::new(WriterBuffer {
            transactions: self.clone(),
            checkpoint: AtomicU64::new(next),
            waiting: Mutex::default(),
            waiting_bytes: AtomicUsize::new(0),
        })
    }

    async fn wait_until_open(&self, checkpoint: u64) {
        // The sender lives as long as this does.
        let _ = self.open.subscribe().wait_for(|open| *open == checkpoint).await;
    }
}

/// The topic that holds the progress of a job.
pub(in crate::stream) fn progress_topic(job: &str) -> String {
    format!("purlin-progress-{job}")
}

fn transactional_id(job: &str) -> String {
    format!("purlin-{job}")
}

/// The records of one writer on their way into transactions.
pub(in crate::stream) struct WriterBuffer {
    transactions: Arc<JobTransactions>,
    /// The checkpoint that records belong to which are written now.
    checkpoint: AtomicU64,
    waiting: Mutex<Vec<(String, RecordBatch)>>,
    waiting_bytes: AtomicUsize,
}

impl WriterBuffer {
    /// The barrier of a checkpoint has come: everything before it is in the transaction, what follows belongs to the next.
    pub(in crate::stream) async fn close(&self, checkpoint: u64) -> Result<(), LogError> {
        self.flush().await?;
        self.checkpoint.store(checkpoint + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until the transaction of what waits is open, and puts it in.
    pub(in crate::stream) async fn flush(&self) -> Result<(), LogError> {
        if self.waiting_bytes.load(Ordering::Relaxed) > 0 {
            self.transactions.wait_until_open(self.checkpoint.load(Ordering::Relaxed)).await;
            self.send_waiting().await?;
        }
        Ok(())
    }

    async fn send_waiting(&self) -> Result<(), LogError> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.waiting_bytes.store(0, Ordering::Relaxed);
        for (topic, mut records) in waiting {
            self.transactions.producer.send(&topic, &mut records).await?;
        }
        Ok(())
    }

    fn keep(&self, topic: &str, records: &mut RecordBatch) -> usize {
        let records = std::mem::take(records);
        let bytes = records.size();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((topic.to_string(), records));
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }
}

/// A writer's end of its buffer.
pub(in crate::stream) struct BufferedWriter(pub(in crate::stream) Arc<WriterBuffer>);

#[async_trait]
impl TransactionWriter for BufferedWriter {
    async fn write(&mut self, topic: &str, records: &mut RecordBatch) -> Result<(), BoxError> {
        let buffer = &*self.0;
        if records.is_empty() {
            return Ok(());
        }
        if *buffer.transactions.open.borrow() == buffer.checkpoint.load(Ordering::Relaxed) {
            buffer.send_waiting().await?;
            buffer.transactions.producer.send(topic, records).await?;
        } else if buffer.keep(topic, records) > WAITING_BYTES {
            buffer.flush().await?;
        }
        Ok(())
    }
}
