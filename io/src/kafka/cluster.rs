//! Questions to the cluster: which partitions topics have, and which offsets those have.
//!
//! All of this blocks, for a bounded time, and so runs on tokio's blocking threads through [`ask`]. Each question is repeated while the
//! answer may still change by itself: a broker that starts up, a leader that is being elected, a topic that was just made.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::KafkaError;
use super::client::Client;
use super::health::is_transient;
use super::nearest::hint;

/// How long to wait for an answer before giving up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a topic may be unknown: the other brokers hear of a new topic a little later.
const TOPIC_PATIENCE: Duration = Duration::from_secs(1);
/// How long a topic that was there must be unknown to count as gone: a broker that starts may not know its topics yet.
const GONE_PATIENCE: Duration = Duration::from_secs(5);
/// One attempt's time.
const ATTEMPT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(200);

/// Runs a blocking question where it disturbs nobody.
pub(crate) async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    match tokio::task::spawn_blocking(question).await {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(KafkaError::Other { what: "asking Kafka".into(), reason: error.to_string() }),
    }
}

/// Which offset of a partition is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// The first one still in the log.
    First,
    /// The one that the next visible record will have: with `read_committed` the first offset of an open transaction, else the end.
    End,
    /// The first one at or after an instant (ms since 1970), if there is one.
    At(i64),
}

impl Position {
    /// The broker's own coding in a request for offsets.
    fn coded(self) -> Offset {
        match self {
            Position::First => Offset::Beginning,
            Position::End => Offset::End,
            Position::At(millis) => Offset::Offset(millis.max(0)),
        }
    }
}

impl Client {
    /// The cluster's own id.
    pub(crate) fn cluster_id(&self) -> Result<String, KafkaError> {
        // librdkafka tells it from any answer about topics.
        self.patiently(Instant::now(), |limit| match self.consumer().client().fetch_cluster_id(limit) {
            Some(id) if !id.is_empty() => Ok(id),
            _ => Err(Native::MetadataFetch(Code::OperationTimedOut)),
        })
    }

    /// The partitions of a topic, in order.
    pub(crate) fn partitions(&self, topic: &str) -> Result<Vec<i32>, KafkaError> {
        self.partitions_within(topic, TOPIC_PATIENCE)
    }

    /// The partitions of a topic that may well not be there yet, in order: the first answer counts.
    pub(crate) fn partitions_if_known(&self, topic: &str) -> Result<Vec<i32>, KafkaError> {
        self.partitions_within(topic, Duration::ZERO)
    }

    /// The partitions of a topic that was there once, in order.
    pub(crate) fn known_partitions(&self, topic: &str) -> Result<Vec<i32>, KafkaError> {
        self.partitions_within(topic, GONE_PATIENCE)
    }

    fn partitions_within(&self, topic: &str, patience: Duration) -> Result<Vec<i32>, KafkaError> {
        let started = Instant::now();
        loop {
            let metadata = self.patiently(started, |limit| self.consumer().fetch_metadata(Some(topic), limit))?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            let error = found.and_then(|found| found.error()).map(Code::from);
            match (found, error) {
                (Some(found), None) if !found.partitions().is_empty() => {
                    let mut ids: Vec<i32> = found.partitions().iter().map(|partition| partition.id()).collect();
                    ids.sort_unstable();
                    return Ok(ids);
                }
                (_, Some(code)) if is_transient(code) && started.elapsed() < PATIENCE => {}
                (_, Some(code)) if !matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                    return Err(KafkaError::Refused {
                        servers: self.health().servers().into(),
                        what: format!("topic `{topic}`"),
                        reason: code.to_string(),
                    });
                }
                _ if started.elapsed() > patience => return Err(self.unknown(topic)),
                _ => {}
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The partitions that a topic has now, none if it is gone; `None` if nobody can say. For a topic that was there once.
    pub(crate) fn partitions_left(&self, topic: &str) -> Option<Vec<i32>> {
        let started = Instant::now();
        while started.elapsed() < GONE_PATIENCE {
            let metadata = self.consumer().fetch_metadata(Some(topic), ATTEMPT).ok()?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            if let Some(found) = found.filter(|found| found.error().is_none() && !found.partitions().is_empty()) {
                return Some(found.partitions().iter().map(|partition| partition.id()).collect());
            }
            std::thread::sleep(PAUSE);
        }
        Some(Vec::new())
    }

    /// The offsets at `positions`, in their order; `None` where no record is as late as the instant asked for.
    pub(crate) fn offsets(&self, positions: &[(&str, i32, Position)]) -> Result<Vec<Option<i64>>, KafkaError> {
        let answers = self.patiently(Instant::now(), |limit| {
            let mut wanted = TopicPartitionList::with_capacity(positions.len());
            for (topic, partition, position) in positions {
                wanted.add_partition_offset(topic, *partition, position.coded())?;
            }
            let answers = self.consumer().offsets_for_times(wanted, limit)?;
            let raw = |offset: Offset| offset.to_raw().filter(|offset| *offset >= 0);
            answers.elements().iter().map(|element| element.error().map(|()| raw(element.offset()))).collect()
        })?;
        Ok(answers)
    }

    /// Repeats a question, which gets a time limit, until it is answered or the time is up.
    pub(super) fn patiently<T>(
        &self,
        started: Instant,
        question: impl Fn(Duration) -> Result<T, Native>,
    ) -> Result<T, KafkaError> {
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let error = match question(left.clamp(PAUSE, ATTEMPT)) {
                Ok(answer) => {
                    self.health().up();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            self.health().check()?;
            let code = error.rdkafka_error_code();
            if !code.is_some_and(|code| is_transient(code) || code == Code::UnknownPartition) {
                return Err(self.failed(&error.to_string()));
            }
            if started.elapsed() + PAUSE >= PATIENCE {
                let reason = self.health().last().unwrap_or_else(|| self.health().clean(&error.to_string()));
                let servers = self.health().servers().into();
                return Err(KafkaError::unreachable(servers, started.elapsed(), reason));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The error for a topic that is not there, with what is.
    fn unknown(&self, topic: &str) -> KafkaError {
        let names = match self.consumer().fetch_metadata(None, ATTEMPT) {
            Ok(metadata) => metadata.topics().iter().map(|topic| topic.name().to_string()).collect(),
            Err(_) => Vec::new(),
        };
        let servers = self.health().servers().into();
        KafkaError::UnknownTopic { topic: topic.into(), servers, hint: hint(topic, &names) }
    }

    fn failed(&self, reason: &str) -> KafkaError {
        KafkaError::Other {
            what: format!("asking Kafka at {}", self.health().servers()),
            reason: self.health().clean(reason),
        }
    }
}
