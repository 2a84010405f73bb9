//! How elements become records: a bundle at a time, into one buffer.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use purlin_model::bundle::Bundle;
use purlin_model::transaction::RecordBatch;

use super::super::encode::Encode;
use super::super::{KafkaError, Payload};

/// How far ahead of the clock a record's timestamp may lie: brokers refuse more (`message.timestamp.after.max.ms`).
const AHEAD_MS: i64 = 3_600_000;

pub(super) type KeyFn<T> = dyn Fn(&T) -> Vec<u8> + Send + Sync;
pub(super) type HeadersFn<T> = dyn Fn(&T) -> Vec<(String, Vec<u8>)> + Send + Sync;

/// A topic and what its records are made of.
pub(super) struct Form<T> {
    pub(super) topic: Arc<str>,
    pub(super) encoder: Arc<dyn Encode<T>>,
    pub(super) key: Option<Arc<KeyFn<T>>>,
    pub(super) headers: Option<Arc<HeadersFn<T>>>,
    pub(super) at_event_time: bool,
}

impl<T> Clone for Form<T> {
    fn clone(&self) -> Self {
        Form {
            topic: self.topic.clone(),
            encoder: self.encoder.clone(),
            key: self.key.clone(),
            headers: self.headers.clone(),
            at_event_time: self.at_event_time,
        }
    }
}

impl<T> Form<T> {
    /// Takes all elements out of the bundle and makes their records the only ones of the batch.
    pub(super) fn encode(&self, bundle: &mut Bundle<T>, into: &mut RecordBatch) -> Result<(), KafkaError> {
        into.clear();
        let latest = now_ms() + AHEAD_MS;
        let mut encoded = Vec::new();
        for (value, sides) in bundle.drain() {
            encoded.clear();
            let payload = self.encoder.encode(&value, &mut encoded).map_err(|error| {
                into.clear();
                self.unwritable(error.to_string())
            })?;
            let key = self.key.as_ref().map(|key| key(&value));
            let headers = self.headers.as_ref().map(|headers| headers(&value)).unwrap_or_default();
            // librdkafka takes zero for "now", which for 1970 is as good.
            let at = Some(sides.timestamp.millis()).filter(|at| self.at_event_time && (0..=latest).contains(at));
            let encoded = (payload == Payload::Value).then_some(&encoded);
            into.push_with(|bytes| append(bytes, key.as_ref()), |bytes| append(bytes, encoded), headers, at);
        }
        Ok(())
    }

    pub(super) fn unwritable(&self, reason: String) -> KafkaError {
        KafkaError::Unwritable { topic: self.topic.to_string(), reason }
    }
}

fn append(to: &mut Vec<u8>, bytes: Option<&Vec<u8>>) -> bool {
    bytes.inspect(|bytes| to.extend_from_slice(bytes)).is_some()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX - AHEAD_MS)
}
