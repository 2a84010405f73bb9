//! One worker's writer: encodes a bundle, hands its records to the shared producer, and keeps their receipts.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::sink::Writer;
use purlin_model::{BoxError, Element, Timestamp};

use super::producer::{Outgoing, Producer};
use super::receipts::Receipts;
use super::{Form, KafkaSink};
use crate::kafka::{KafkaError, Payload};

/// How far ahead of the clock a record's timestamp may lie: brokers refuse more (`message.timestamp.after.max.ms`).
const AHEAD_MS: i64 = 3_600_000;

pub(super) struct KafkaWriter<T> {
    producer: Arc<Producer>,
    form: Form<T>,
    receipts: Arc<Receipts>,
    /// Reused from record to record.
    outgoing: Outgoing,
}

impl<T: Element> KafkaWriter<T> {
    pub(super) fn new(producer: Arc<Producer>, form: Form<T>) -> Self {
        KafkaWriter { producer, form, receipts: Arc::default(), outgoing: Outgoing::default() }
    }

    fn check(&self) -> Result<(), KafkaError> {
        self.receipts.check(self.producer.topic())?;
        self.producer.check()
    }

    fn encode(&mut self, value: &T, at: Timestamp, latest: i64) -> Result<(), KafkaError> {
        let Form { encoder, key, headers, at_event_time } = &self.form;
        let record = &mut self.outgoing;
        record.payload.clear();
        let payload = encoder.encode(value, &mut record.payload);
        record.tombstone = payload.map_err(|error| self.producer.unwritable(&error.to_string()))? == Payload::Tombstone;
        record.key = key.as_ref().map(|key| key(value));
        record.headers = headers.as_ref().map(|headers| headers(value)).unwrap_or_default();
        // librdkafka takes zero for "now", which for 1970 is as good.
        record.timestamp = Some(at.millis()).filter(|millis| *at_event_time && (0..=latest).contains(millis));
        Ok(())
    }
}

#[async_trait]
impl<T: Element> Writer<KafkaSink<T>> for KafkaWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.check()?;
        let latest = now_ms() + AHEAD_MS;
        for (value, sides) in bundle.drain() {
            self.encode(&value, sides.timestamp, latest)?;
            while !self.producer.offer(&self.outgoing, &self.receipts)? {
                self.producer.room().await;
                self.check()?;
            }
        }
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        self.receipts.all_settled().await;
        self.check()?;
        Ok(None)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX - AHEAD_MS)
}
