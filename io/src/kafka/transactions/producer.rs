//! One transactional producer.
//!
//! `send` hands records to librdkafka from the task that calls it; all else blocks and goes through [`Calls`]. A record that is not
//! delivered fails the next `send` or the commit. A producer that is dropped leaves its open transaction to the next one of its id,
//! which aborts it, or to the cluster's time-out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use purlin_model::transaction::{LogError, LogErrorKind, LogPosition, RecordBatch, TransactionalProducer};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;

use super::calls::{Calls, Wanted};
use super::failure::{failure, kind};
use super::groups::{self, Groups};
use crate::kafka::health::Health;
use crate::kafka::settings::Settings;
use crate::kafka::sink::producer::{NativeProducer, Producer, too_large};
use crate::kafka::sink::receipts::Receipts;

/// How long registering the transactional id may take. It waits for what the id's last transaction left behind.
const REGISTER: Duration = Duration::from_secs(60);
/// How long one attempt at it may take: in between it is given up if nobody waits for it, lest it fence a producer that was made since.
const REGISTER_ATTEMPT: Duration = Duration::from_secs(1);
/// How long adding offsets to a transaction may take.
const OFFSETS: Duration = Duration::from_secs(30);
/// The shortest time-out that librdkafka takes.
const LEAST: Duration = Duration::from_secs(1);
/// An outage longer than this fails a transaction, as it fails a sink without transactions.
const DELIVERY_MS: u128 = 300_000;

pub(super) struct KafkaTransactions {
    producer: Producer,
    calls: Calls,
    id: String,
    timeout: Duration,
    /// Of the transaction that is open.
    receipts: Mutex<Arc<Receipts>>,
    groups: Arc<Groups>,
}

impl KafkaTransactions {
    pub(super) async fn open(settings: &Settings, id: &str, timeout: Duration) -> Result<Self, LogError> {
        let timeout = timeout.max(LEAST);
        let delivery = delivery_ms(settings, timeout);
        let mut settings = settings.clone();
        settings.remove("delivery.timeout.ms");
        settings.remove("message.timeout.ms");
        let fixed = [
            ("transactional.id", id),
            ("transaction.timeout.ms", &timeout.as_millis().to_string()),
            ("delivery.timeout.ms", &delivery),
        ];
        let producer = Producer::new(&settings, &fixed)?;
        let calls = Calls::new(producer.native().clone())?;
        let receipts = Mutex::default();
        let groups = Arc::new(Groups::new(settings));
        let this = KafkaTransactions { producer, calls, id: id.to_string(), timeout, receipts, groups };
        this.call("registering", register).await?;
        Ok(this)
    }

    async fn call<T: Send + 'static>(
        &self,
        what: &str,
        call: impl FnOnce(&NativeProducer, Wanted<'_>) -> Result<T, Native> + Send + 'static,
    ) -> Result<T, LogError> {
        let what = self.doing(what);
        let explained = move |producer: &NativeProducer, wanted: Wanted<'_>| {
            let health = producer.context().health();
            call(producer, wanted).inspect(|_| health.up()).map_err(|error| failure(&what, &error, health))
        };
        self.calls.call(explained).await
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} transactional id `{}` at {}", self.id, self.health().servers())
    }

    fn health(&self) -> &Health {
        self.producer.health()
    }

    fn receipts(&self) -> Arc<Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails if a record was not delivered, or the client can do nothing more.
    fn check(&self, receipts: &Receipts) -> Result<(), LogError> {
        if let Some(fatal) = self.fatal() {
            return Err(fatal);
        }
        if let Some(lost) = receipts.failure() {
            let message = format!("a record was not delivered in the transaction of `{}`: {}", self.id, lost.reason);
            return Err(LogError::new(kind(lost.code), message));
        }
        Ok(self.health().check()?)
    }

    /// The client's fatal error, if it has one.
    fn fatal(&self) -> Option<LogError> {
        let (code, reason) = self.producer.native().client().fatal_error()?;
        let message = format!("{} failed: {}", self.doing("writing under"), self.health().clean(&reason));
        Some(LogError::new(kind(code), message))
    }

    #[cold]
    fn refused(&self, topic: &str, len: usize, error: &Native) -> LogError {
        let health = self.health();
        match error.rdkafka_error_code() {
            Some(Code::Fatal) => self.fatal().unwrap_or_else(|| failure(&self.doing("writing under"), error, health)),
            // Not while a transaction is open and well.
            Some(Code::State) => {
                let last = health.last().map(|last| format!("; last trouble: {last}")).unwrap_or_default();
                let message = format!("the transaction of `{}` takes no more records: it has failed{last}", self.id);
                LogError::new(LogErrorKind::Abortable, message)
            }
            code => match too_large(code, len) {
                Some(reason) => {
                    LogError::new(LogErrorKind::Fatal, format!("writing to topic `{topic}` failed: {reason}"))
                }
                None => failure(&format!("writing to topic `{topic}`"), error, health),
            },
        }
    }
}

#[async_trait]
impl TransactionalProducer for KafkaTransactions {
    async fn begin(&self) -> Result<(), LogError> {
        self.call("beginning a transaction of", |producer, _| producer.begin_transaction()).await?;
        *self.receipts.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        Ok(())
    }

    async fn send(&self, topic: &str, records: &mut RecordBatch) -> Result<(), LogError> {
        let receipts = self.receipts();
        self.check(&receipts)?;
        for record in records.iter() {
            let len = record.payload.map_or(0, <[u8]>::len);
            let refused = |error: Native| self.refused(topic, len, &error);
            while !self.producer.offer(topic, &record, &receipts).map_err(refused)? {
                self.producer.room().await;
                self.check(&receipts)?;
            }
        }
        records.clear();
        Ok(())
    }

    async fn send_offsets(&self, group: &str, positions: &[LogPosition]) -> Result<(), LogError> {
        if positions.is_empty() {
            return Ok(());
        }
        let what = format!("adding the offsets of the consumer group `{group}` to a transaction of");
        let offsets = groups::list(positions).map_err(|error| failure(&what, &error, self.health()))?;
        let (groups, group, limit) = (self.groups.clone(), group.to_string(), OFFSETS.min(self.timeout));
        let add = move |producer: &NativeProducer, _: Wanted<'_>| {
            let group = groups.metadata(&group).map_err(|error| Native::ClientCreation(error.to_string()))?;
            producer.send_offsets_to_transaction(&offsets, &group, limit)
        };
        self.call(&what, add).await
    }

    async fn commit(&self) -> Result<(), LogError> {
        let receipts = self.receipts();
        self.check(&receipts)?;
        let limit = self.timeout;
        let committed = self.call("committing a transaction of", move |producer, _| {
            Producer::flush(producer, limit)?;
            producer.commit_transaction(limit)
        });
        match committed.await {
            // A record that was not delivered is the better reason; the word of it may come a moment later.
            Err(error) if matches!(error.kind, LogErrorKind::Abortable | LogErrorKind::Fatal) => {
                for _ in 0..10 {
                    self.check(&receipts)?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error)
            }
            other => other,
        }
    }

    async fn abort(&self) -> Result<(), LogError> {
        let limit = self.timeout;
        self.call("aborting a transaction of", move |producer, _| producer.abort_transaction(limit)).await
    }
}

/// Registers the producer's id, which fences its predecessors. Calling again resumes, and a failure that passes is waited out.
fn register(producer: &NativeProducer, wanted: Wanted<'_>) -> Result<(), Native> {
    let started = Instant::now();
    // librdkafka looks for the transaction's coordinator at once, and half a second later again if no broker is connected yet.
    let _ = producer.client().fetch_cluster_id(REGISTER_ATTEMPT);
    loop {
        match producer.init_transactions(REGISTER_ATTEMPT) {
            Err(Native::Transaction(error)) if error.is_retriable() && wanted() && started.elapsed() < REGISTER => {}
            settled => return settled,
        }
    }
}

/// How long a record may be on its way: as the user says or by default, but no longer than its transaction.
fn delivery_ms(settings: &Settings, timeout: Duration) -> String {
    let set = settings.get("delivery.timeout.ms").or_else(|| settings.get("message.timeout.ms"));
    let wanted = set.and_then(|set| set.parse().ok()).filter(|wanted| *wanted > 0).unwrap_or(DELIVERY_MS);
    wanted.min(timeout.as_millis()).to_string()
}
