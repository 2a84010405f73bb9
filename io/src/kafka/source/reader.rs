//! Reads one partition.
//!
//! A read empties the partition's queue by one batch and decodes it on the spot, so partitions decode in parallel. Nothing is awaited
//! between taking records and noting the new position: a read that is dropped has taken nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::source::{Progress, Reader};
use purlin_model::{BoxError, Element, Timestamp};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::super::decode::{Decode, decoded};
use super::super::health::is_transient;
use super::super::settings::Settings;
use super::super::{KafkaError, Record};
use super::connections::Connections;
use super::queue::{Message, PartitionQueue};
use super::{KafkaSource, KafkaSplit};

/// After how long without anything to ask whether the partition still exists.
const SILENCE: Duration = Duration::from_secs(10);

/// A read that finds nothing for so long returns, so that the runner can ask whether the partition is silent or out of reach.
const EMPTY_READ_AFTER: Duration = Duration::from_millis(250);

/// The reader of one partition.
pub(crate) struct PartitionReader<T> {
    split: KafkaSplit,
    /// `None` once the split has ended.
    queue: Option<PartitionQueue>,
    decode: Arc<dyn Decode<T>>,
    bound_ms: i64,
    greatest: Option<Timestamp>,
    /// When the partition last gave anything.
    heard: Instant,
    /// A reader that failed stays failed: what it had taken is lost to it.
    failed: Option<KafkaError>,
}

impl<T: Element> PartitionReader<T> {
    pub(super) fn new(
        split: KafkaSplit,
        queue: Option<PartitionQueue>,
        decode: Arc<dyn Decode<T>>,
        bound_ms: i64,
    ) -> Self {
        PartitionReader { split, queue, decode, bound_ms, greatest: None, heard: Instant::now(), failed: None }
    }

    /// A reader of partition 0 of a topic by itself, from `first` up to `end`.
    pub(crate) fn over(
        settings: &Settings,
        topic: &str,
        first: i64,
        end: i64,
        decode: Arc<dyn Decode<T>>,
    ) -> Result<Self, KafkaError> {
        let lease = Connections::default().lease(settings, topic, 0)?;
        let queue = PartitionQueue::start(lease, first)?;
        let (cluster, topic) = (String::new(), topic.to_string());
        let split = KafkaSplit { cluster, topic, topic_id: None, partition: 0, next: first, end: Some(end) };
        Ok(PartitionReader::new(split, Some(queue), decode, 0))
    }

    /// The offset of the next record.
    pub(crate) fn position(&self) -> i64 {
        self.split.next
    }

    /// Takes a batch; says whether there was anything in the queue.
    fn take(&mut self, into: &mut Bundle<T>) -> Result<bool, KafkaError> {
        let Some(mut queue) = self.queue.take() else { return Ok(true) };
        let mut batch = queue.take();
        let found = !batch.is_empty();
        while let Some(message) = batch.next() {
            self.accept(&message, into)?;
            if self.split.has_ended() {
                return Ok(true);
            }
        }
        drop(batch);
        let health = queue.lease().client().health();
        health.check()?;
        if found {
            self.heard = Instant::now();
            health.up();
        } else if self.heard.elapsed() > SILENCE {
            self.heard = Instant::now();
            if queue.lease().is_gone() {
                let KafkaSplit { topic, partition, .. } = self.split.clone();
                return Err(KafkaError::UnknownPartition { topic, partition });
            }
        }
        self.queue = Some(queue);
        Ok(found)
    }

    #[inline]
    fn accept(&mut self, message: &Message, into: &mut Bundle<T>) -> Result<(), KafkaError> {
        let native = message.native();
        match Code::from(native.err) {
            Code::NoError => self.record(message, into),
            // It comes with the position behind everything invisible, which is as good as a record's.
            Code::PartitionEOF => {
                self.advance(native.offset);
                Ok(())
            }
            code => self.trouble(code, message),
        }
    }

    #[inline]
    fn record(&mut self, message: &Message, into: &mut Bundle<T>) -> Result<(), KafkaError> {
        let offset = message.native().offset;
        if offset < self.split.next {
            return Ok(());
        }
        if self.split.end.is_some_and(|end| offset >= end) {
            self.advance(offset);
            return Ok(());
        }
        // SAFETY: a message without error is a record; `message` keeps it until this function returns.
        let record = unsafe { Record::from_native(&self.split.topic, message.native()) };
        let (at, decoded) = decoded(&*self.decode, &record).map_err(|error| self.malformed(offset, &error))?;
        if decoded.advances {
            self.greatest = self.greatest.max(Some(at));
        }
        into.push(decoded.value, ElementSides::at(at));
        self.split.next = offset + 1;
        Ok(())
    }

    /// Nothing before `offset` is left to read.
    fn advance(&mut self, offset: i64) {
        let upto = self.split.end.map_or(offset, |end| offset.min(end));
        self.split.next = self.split.next.max(upto);
    }

    #[cold]
    fn malformed(&self, offset: i64, error: &BoxError) -> KafkaError {
        let KafkaSplit { topic, partition, .. } = &self.split;
        KafkaError::Malformed { topic: topic.clone(), partition: *partition, offset, reason: error.to_string() }
    }

    /// Sorts an error of the partition: to be waited out, or final.
    #[cold]
    fn trouble(&mut self, code: Code, message: &Message) -> Result<(), KafkaError> {
        let KafkaSplit { topic, partition, next, .. } = self.split.clone();
        let reason = message.error_text();
        tracing::debug!("{}: {code}: {reason}", self.split);
        match code {
            // A broker that has just started may not know its topics yet; silence tells whether the partition is gone.
            Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::UnknownTopic => Ok(()),
            code if is_transient(code) => Ok(()),
            Code::OffsetOutOfRange | Code::AutoOffsetReset | Code::LogTruncation => {
                Err(KafkaError::OffsetOutOfRange { topic, partition, offset: next, there: reason })
            }
            code => Err(KafkaError::Other {
                what: format!("reading {} at offset {next}", self.split),
                reason: format!("{code}: {reason}"),
            }),
        }
    }

    /// Reads on.
    pub(crate) async fn next(&mut self, into: &mut Bundle<T>) -> Result<Progress, KafkaError> {
        let before = into.len();
        loop {
            if self.split.has_ended() {
                self.queue = None;
                return Ok(Progress::End);
            }
            let found = self.take(into)?;
            if into.len() > before && !self.split.has_ended() {
                return Ok(Progress::More);
            }
            if let (false, Some(queue)) = (found, &self.queue)
                && tokio::time::timeout(EMPTY_READ_AFTER, queue.filled()).await.is_err()
            {
                return Ok(Progress::More);
            }
        }
    }
}

#[async_trait]
impl<T: Element> Reader<KafkaSource<T>> for PartitionReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone().into());
        }
        let progress = self.next(into).await;
        progress.map_err(|error| self.failed.insert(error).clone().into())
    }

    fn remaining(&self) -> KafkaSplit {
        self.split.clone()
    }

    fn watermark(&self) -> Timestamp {
        match self.greatest {
            Some(greatest) if self.split.end.is_none() => {
                greatest.saturating_add_millis(self.bound_ms.saturating_neg()).max(Timestamp::MIN)
            }
            _ => Timestamp::MIN,
        }
    }

    fn lag(&self) -> Option<u64> {
        let end = self.split.end.or_else(|| self.queue.as_ref()?.known_end())?;
        u64::try_from(end - self.split.next).ok().or(Some(0))
    }

    /// Until the cluster has said where the partition ends, or while it does not answer, silence says nothing.
    fn is_caught_up(&self) -> bool {
        let reachable = self.queue.as_ref().is_none_or(|queue| !queue.lease().client().health().is_down());
        reachable && self.lag() == Some(0)
    }
}
