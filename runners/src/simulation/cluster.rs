//! A simulated log cluster with transactions.
//!
//! It does what Kafka does, as far as producers and readers can see it: one epoch per transactional id, which a new producer raises and
//! by that fences the old one; records that are there at once and visible only when their transaction is decided; an end of a
//! transaction that is accepted and takes effect later, whatever became of whoever asked; transactions that are aborted when they are open for too
//! long; a coordinator that moves and cannot be reached for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use purlin_model::transaction::{LogCluster, LogError, LogErrorKind, LogPosition, RecordBatch, TransactionalProducer};

use super::faults::{Fate, Network};
use super::world::BROKERS;

/// The cluster; clones are the same one.
#[derive(Clone)]
pub(super) struct SimulatedCluster {
    name: Arc<str>,
    network: Network,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    /// The records of each topic's only partition.
    topics: BTreeMap<String, Vec<Stored>>,
    transactions: Vec<Transaction>,
    producers: BTreeMap<String, Registered>,
    /// By group, topic and partition.
    offsets: BTreeMap<GroupPartition, i64>,
    /// An offset that an operator has moved.
    moved: Option<Moved>,
    /// A job has gone on and committed another offset over that, as if nobody had moved it.
    was_overwritten: bool,
    /// The coordinator cannot be reached until then.
    away_until_ms: i64,
}

type GroupPartition = (String, String, i32);

/// An offset that an operator has moved when this was the newest producer.
struct Moved {
    of: GroupPartition,
    epoch: u64,
}

struct Stored {
    key: Vec<u8>,
    payload: Option<Vec<u8>>,
    transaction: usize,
}

struct Transaction {
    /// That of its producer.
    epoch: u64,
    began_ms: i64,
    timeout_ms: i64,
    state: Decision,
    offsets: Vec<(String, LogPosition)>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Open,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Default)]
struct Registered {
    epoch: u64,
    open: Option<usize>,
    /// It is being committed or aborted, and nothing else can begin before that is done.
    ending: bool,
}

impl SimulatedCluster {
    pub(super) fn new(name: &str, network: Network) -> Self {
        SimulatedCluster { name: name.into(), network, log: Arc::default() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payloads that someone who reads committed records sees, once everything is decided.
    pub(super) fn committed(&self, topic: &str) -> Vec<Vec<u8>> {
        let log = self.log();
        let records = log.topics.get(topic).into_iter().flatten();
        let visible = records.filter(|stored| log.transactions[stored.transaction].state == Decision::Committed);
        visible.filter_map(|stored| stored.payload.clone()).collect()
    }

    /// Moves an offset of some consumer group, as an operator does who wants records to be read again or skipped; whether there was one.
    pub(super) fn move_offset(&self) -> bool {
        let mut log = self.log();
        let Log { offsets, producers, moved, .. } = &mut *log;
        let choose = |random: &mut fastrand::Rng| {
            let chosen = random.usize(0..offsets.len().max(1));
            let (of, offset) = offsets.iter_mut().nth(chosen)?;
            *offset += random.i64(1..10) * if random.bool() { 1 } else { -1 };
            Some(of.clone())
        };
        let epoch = producers.values().map(|registered| registered.epoch).max().unwrap_or(0);
        *moved = self.network.world().random(choose).map(|of| Moved { of, epoch });
        moved.is_some()
    }

    /// Whether a job that was started after an operator had moved an offset has overwritten it.
    pub(super) fn overwrote_what_was_moved(&self) -> bool {
        self.log().was_overwritten
    }

    /// One request: `carry_out` is what the cluster does when it arrives.
    async fn request<T>(&self, carry_out: impl FnOnce(&mut Log, i64) -> Result<T, LogError>) -> Result<T, LogError> {
        self.network.travel().await;
        let fate = self.network.fate();
        if fate == Fate::Lost {
            if self.network.world().random(|random| random.u8(0..4)) == 0 {
                self.move_coordinator();
            }
            return Err(unreachable_now());
        }
        let now_ms = self.network.world().now_ms();
        let answer = {
            let mut log = self.log();
            if log.away_until_ms > now_ms {
                return Err(unreachable_now());
            }
            log.time_out(now_ms);
            carry_out(&mut log, now_ms)
        };
        self.network.travel().await;
        if fate == Fate::Unanswered { Err(unreachable_now()) } else { answer }
    }

    fn end_later(&self, transaction: usize, state: Decision) {
        let world = self.network.world();
        let delay = world.random(|random| if random.bool() { 0 } else { random.u64(0..500) });
        let (sleep, log) = (world.sleep(Duration::from_millis(delay)), self.log.clone());
        let end = async move {
            sleep.await;
            log.lock().unwrap_or_else(PoisonError::into_inner).end(transaction, state);
        };
        world.spawn(BROKERS, Box::pin(end));
    }

    fn move_coordinator(&self) {
        let span = self.network.world().random(|random| random.i64(0..3_000));
        self.log().away_until_ms = self.network.world().now_ms() + span;
    }
}

fn unreachable_now() -> LogError {
    LogError::new(LogErrorKind::Retriable, "the simulated cluster did not answer")
}

fn fenced() -> LogError {
    LogError::new(
        LogErrorKind::Fenced,
        "a newer producer of this transactional id is there, or the transaction timed out",
    )
}

impl Log {
    /// Aborts transactions that are open for too long; their producers are fenced.
    fn time_out(&mut self, now_ms: i64) {
        for registered in self.producers.values_mut() {
            if let Some(open) = registered.open
                && !registered.ending
                && now_ms - self.transactions[open].began_ms > self.transactions[open].timeout_ms
            {
                self.transactions[open].state = Decision::Aborted;
                *registered = Registered { epoch: registered.epoch + 1, open: None, ending: false };
            }
        }
    }

    fn registered(&mut self, id: &str, epoch: u64) -> Result<&mut Registered, LogError> {
        let registered = self.producers.entry(id.to_string()).or_default();
        if registered.epoch == epoch { Ok(registered) } else { Err(fenced()) }
    }

    /// The open transaction of a producer; begun if there is none.
    fn transaction_of(&mut self, id: &str, epoch: u64, began_ms: i64, timeout_ms: i64) -> Result<usize, LogError> {
        let next = self.transactions.len();
        let registered = self.registered(id, epoch)?;
        if registered.ending {
            return Err(LogError::new(LogErrorKind::Abortable, "the transaction is being ended"));
        }
        let open = *registered.open.get_or_insert(next);
        if open == next {
            self.transactions.push(Transaction {
                epoch,
                began_ms,
                timeout_ms,
                state: Decision::Open,
                offsets: Vec::new(),
            });
        }
        Ok(open)
    }

    fn end(&mut self, transaction: usize, state: Decision) {
        if self.transactions[transaction].state != Decision::Open {
            return;
        }
        self.transactions[transaction].state = state;
        if state == Decision::Committed {
            let epoch = self.transactions[transaction].epoch;
            for (group, position) in std::mem::take(&mut self.transactions[transaction].offsets) {
                let of = (group, position.topic, position.partition);
                // Whoever was at work when it was moved could not know of that.
                if let Some(moved) = self.moved.take_if(|moved| moved.of == of) {
                    self.was_overwritten |= epoch > moved.epoch;
                }
                self.offsets.insert(of, position.next);
            }
        }
        for registered in self.producers.values_mut().filter(|registered| registered.open == Some(transaction)) {
            (registered.open, registered.ending) = (None, false);
        }
    }
}

#[async_trait]
impl LogCluster for SimulatedCluster {
    fn describe(&self) -> String {
        format!("the simulated cluster `{}`", self.name)
    }

    async fn id(&self) -> Result<String, LogError> {
        Ok(self.name.to_string())
    }

    async fn ensure_progress_topic(&self, topic: &str) -> Result<(), LogError> {
        self.request(|log, _| {
            log.topics.entry(topic.to_string()).or_default();
            Ok(())
        })
        .await
    }

    async fn read_committed(&self, topic: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, LogError> {
        loop {
            let read = self.request(|log, _| {
                let Some(records) = log.topics.get(topic) else { return Ok(Some(Vec::new())) };
                let state = |stored: &Stored| log.transactions[stored.transaction].state;
                if records.iter().any(|stored| state(stored) == Decision::Open) {
                    // The last stable offset is before it: a reader waits.
                    return Ok(None);
                }
                let visible = records.iter().filter(|stored| state(stored) == Decision::Committed);
                Ok(Some(visible.filter_map(|stored| Some((stored.key.clone(), stored.payload.clone()?))).collect()))
            });
            if let Some(records) = read.await? {
                return Ok(records);
            }
            self.network.world().sleep(Duration::from_millis(50)).await;
        }
    }

    async fn committed_offsets(&self, group: &str, partitions: &[(String, i32)]) -> Result<Vec<LogPosition>, LogError> {
        self.request(|log, _| {
            let of = |(topic, partition): &(String, i32)| {
                let next = *log.offsets.get(&(group.to_string(), topic.clone(), *partition))?;
                Some(LogPosition { cluster: self.name.to_string(), topic: topic.clone(), partition: *partition, next })
            };
            Ok(partitions.iter().filter_map(of).collect())
        })
        .await
    }

    async fn producer(&self, id: &str, timeout: Duration) -> Result<Box<dyn TransactionalProducer>, LogError> {
        loop {
            let epoch = self
                .request(|log, _| {
                    let registered = log.producers.entry(id.to_string()).or_default();
                    if registered.ending {
                        // Kafka answers CONCURRENT_TRANSACTIONS until the end has taken effect.
                        return Ok(None);
                    }
                    registered.epoch += 1;
                    let (epoch, open) = (registered.epoch, registered.open);
                    if let Some(open) = open {
                        log.end(open, Decision::Aborted);
                    }
                    Ok(Some(epoch))
                })
                .await?;
            if let Some(epoch) = epoch {
                let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
                return Ok(Box::new(Producer { cluster: self.clone(), id: id.to_string(), epoch, timeout_ms }));
            }
            self.network.world().sleep(Duration::from_millis(20)).await;
        }
    }
}

struct Producer {
    cluster: SimulatedCluster,
    id: String,
    epoch: u64,
    timeout_ms: i64,
}

impl Producer {
    /// Ends the open transaction. From when the cluster has accepted this it will happen, though some time later and whatever becomes of
    /// whoever asked.
    async fn end(&self, state: Decision) -> Result<(), LogError> {
        let ending = self.cluster.request(|log, _| {
            let registered = log.registered(&self.id, self.epoch)?;
            let Some(open) = registered.open else { return Ok(None) };
            if !std::mem::replace(&mut registered.ending, true) {
                self.cluster.end_later(open, state);
            }
            Ok(Some(open))
        });
        let Some(open) = ending.await? else { return Ok(()) };
        while self.cluster.log().transactions[open].state == Decision::Open {
            self.cluster.network.world().sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

#[async_trait]
impl TransactionalProducer for Producer {
    async fn begin(&self) -> Result<(), LogError> {
        // Nothing is sent: as in Kafka, the cluster hears of a transaction with its first record.
        Ok(())
    }

    async fn send(&self, topic: &str, records: &mut RecordBatch) -> Result<(), LogError> {
        // A client waits by itself for a coordinator that has moved.
        let away_until_ms = self.cluster.log().away_until_ms;
        let away = u64::try_from(away_until_ms - self.cluster.network.world().now_ms()).unwrap_or(0);
        self.cluster.network.world().sleep(Duration::from_millis(away)).await;
        let sent = self.cluster.request(|log, now_ms| {
            let transaction = log.transaction_of(&self.id, self.epoch, now_ms, self.timeout_ms)?;
            let stored = records.iter().map(|record| Stored {
                key: record.key.unwrap_or_default().to_vec(),
                payload: record.payload.map(<[u8]>::to_vec),
                transaction,
            });
            let stored: Vec<Stored> = stored.collect();
            log.topics.entry(topic.to_string()).or_default().extend(stored);
            Ok(())
        });
        sent.await.map_err(|error| match error.kind {
            // A client sends again by itself, and gives the transaction up if that does not help.
            LogErrorKind::Retriable => LogError::new(LogErrorKind::Abortable, error.message),
            _ => error,
        })?;
        records.clear();
        Ok(())
    }

    async fn send_offsets(&self, group: &str, positions: &[LogPosition]) -> Result<(), LogError> {
        self.cluster
            .request(|log, now_ms| {
                let transaction = log.transaction_of(&self.id, self.epoch, now_ms, self.timeout_ms)?;
                let positions = positions.iter().map(|position| (group.to_string(), position.clone()));
                log.transactions[transaction].offsets.extend(positions);
                Ok(())
            })
            .await
    }

    async fn commit(&self) -> Result<(), LogError> {
        self.end(Decision::Committed).await
    }

    async fn abort(&self) -> Result<(), LogError> {
        self.end(Decision::Aborted).await
    }
}
