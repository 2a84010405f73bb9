//! From records to elements.
//!
//! A [`Decoder`] makes the value. Around it lie, as the source is built, the user's event time and the dead letters;
//! together they are one [`Decode`], which the reader calls per record.

use std::marker::PhantomData;
use std::sync::Arc;

use purlin_model::{BoxError, Element, Timestamp};
use serde::de::DeserializeOwned;

use super::Record;
use crate::DeadLetter;

/// Makes elements of records: a user's own format.
///
/// Closures are decoders:
///
/// ```
/// use purlin_io::kafka::{KafkaSource, Record};
/// let source = KafkaSource::new("localhost:9092", ["names"])
///     .decode(|record: &Record<'_>| Ok(String::from_utf8(record.payload.unwrap_or_default().to_vec())?));
/// ```
pub trait Decoder: Send + Sync + 'static {
    /// What it makes.
    type Item: Element;
    /// The record's element, or why there is none: the record is malformed then.
    fn decode(&self, record: &Record<'_>) -> Result<Self::Item, BoxError>;
}

impl<F, T> Decoder for F
where
    F: Fn(&Record<'_>) -> Result<T, BoxError> + Send + Sync + 'static,
    T: Element,
{
    type Item = T;
    fn decode(&self, record: &Record<'_>) -> Result<T, BoxError> {
        self(record)
    }
}

/// The payload as it is.
pub(crate) struct Bytes;

impl Decoder for Bytes {
    type Item = Vec<u8>;
    fn decode(&self, record: &Record<'_>) -> Result<Vec<u8>, BoxError> {
        Ok(payload(record)?.to_vec())
    }
}

/// The payload as JSON.
pub(crate) struct Json<T>(pub(crate) PhantomData<fn() -> T>);

impl<T: Element + DeserializeOwned> Decoder for Json<T> {
    type Item = T;
    fn decode(&self, record: &Record<'_>) -> Result<T, BoxError> {
        Ok(serde_json::from_slice(payload(record)?)?)
    }
}

fn payload<'a>(record: &Record<'a>) -> Result<&'a [u8], BoxError> {
    record.payload.ok_or_else(|| "it has no value (a tombstone); read such topics with `.decode(..)`".into())
}

/// An element with what the reader needs to know of it.
pub(crate) struct Decoded<T> {
    pub(crate) value: T,
    pub(crate) timestamp: Option<Timestamp>,
    /// Whether event time has got this far: not by what a dead letter's record says.
    pub(crate) advances: bool,
}

impl<T> Decoded<T> {
    /// The timestamp, if an element may have it.
    #[inline]
    pub(crate) fn valid_timestamp(&self) -> Result<Timestamp, BoxError> {
        match self.timestamp {
            Some(at) if at.is_valid_for_element() => Ok(at),
            Some(at) => {
                Err(format!("its event time is {} ms since 1970, out of range: is it in milliseconds?", at.millis())
                    .into())
            }
            None => Err("it carries no timestamp; say where event time is with `.event_time(..)`".into()),
        }
    }
}

/// All that happens to a record, as one step.
pub(crate) trait Decode<T>: Send + Sync {
    fn decode(&self, record: &Record<'_>) -> Result<Decoded<T>, BoxError>;
}

/// What a record gives, at a timestamp that an element may have.
#[inline]
pub(crate) fn decoded<T>(decode: &dyn Decode<T>, record: &Record<'_>) -> Result<(Timestamp, Decoded<T>), BoxError> {
    let decoded = decode.decode(record)?;
    Ok((decoded.valid_timestamp()?, decoded))
}

/// A decoder, at the record's own timestamp.
pub(crate) struct AtRecordTime<D>(pub(crate) D);

impl<D: Decoder> Decode<D::Item> for AtRecordTime<D> {
    fn decode(&self, record: &Record<'_>) -> Result<Decoded<D::Item>, BoxError> {
        Ok(Decoded { value: self.0.decode(record)?, timestamp: record.timestamp, advances: true })
    }
}

/// At the timestamp that the value gives.
pub(crate) struct AtEventTime<T, F> {
    pub(crate) inner: Arc<dyn Decode<T>>,
    pub(crate) of: F,
}

impl<T, F: Fn(&T) -> Timestamp + Send + Sync> Decode<T> for AtEventTime<T, F> {
    fn decode(&self, record: &Record<'_>) -> Result<Decoded<T>, BoxError> {
        let decoded = self.inner.decode(record)?;
        Ok(Decoded { timestamp: Some((self.of)(&decoded.value)), ..decoded })
    }
}

/// With malformed records as elements.
pub(crate) struct OrDeadLetter<T>(pub(crate) Arc<dyn Decode<T>>);

impl<T> Decode<Result<T, DeadLetter>> for OrDeadLetter<T> {
    fn decode(&self, record: &Record<'_>) -> Result<Decoded<Result<T, DeadLetter>>, BoxError> {
        Ok(match decoded(&*self.0, record) {
            Ok((at, Decoded { value, advances, .. })) => Decoded { value: Ok(value), timestamp: Some(at), advances },
            Err(error) => {
                let origin = format!("{}/{} offset {}", record.topic, record.partition, record.offset);
                let payload = record.payload.unwrap_or_default().to_vec();
                let letter = DeadLetter { origin, payload, error: error.to_string() };
                let at = record.timestamp.filter(|at| at.is_valid_for_element()).unwrap_or(Timestamp::MIN);
                Decoded { value: Err(letter), timestamp: Some(at), advances: false }
            }
        })
    }
}

/// Stands where no decoder has been chosen yet.
pub(crate) struct NoDecoder;

impl<T> Decode<T> for NoDecoder {
    fn decode(&self, _: &Record<'_>) -> Result<Decoded<T>, BoxError> {
        Err("no decoder was chosen".into())
    }
}
