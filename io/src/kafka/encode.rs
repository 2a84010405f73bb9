//! From elements to records.

use std::marker::PhantomData;

use purlin_model::{BoxError, Element};

/// What an encoder made of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A record with the bytes that were written.
    Value,
    /// A record without a value, which deletes its key from a compacted topic.
    Tombstone,
}

/// Makes records of elements: a user's own format.
///
/// ```
/// use purlin_io::kafka::{Encoder, KafkaSink, Payload};
/// use purlin_model::BoxError;
///
/// struct Lines;
///
/// impl Encoder for Lines {
///     type Item = String;
///     fn encode(&self, line: &String, into: &mut Vec<u8>) -> Result<Payload, BoxError> {
///         into.extend_from_slice(line.as_bytes());
///         Ok(Payload::Value)
///     }
/// }
///
/// let sink = KafkaSink::new("localhost:9092", "lines").encode(Lines);
/// ```
pub trait Encoder: Send + Sync + 'static {
    /// What it takes.
    type Item: Element;
    /// Appends the record's value to `into`, which is empty.
    fn encode(&self, item: &Self::Item, into: &mut Vec<u8>) -> Result<Payload, BoxError>;
}

/// The element's bytes as they are.
pub(crate) struct Bytes;

impl Encoder for Bytes {
    type Item = Vec<u8>;
    fn encode(&self, item: &Vec<u8>, into: &mut Vec<u8>) -> Result<Payload, BoxError> {
        into.extend_from_slice(item);
        Ok(Payload::Value)
    }
}

/// The element as JSON.
pub(crate) struct Json<T>(pub(crate) PhantomData<fn() -> T>);

impl<T: Element> Encoder for Json<T> {
    type Item = T;
    fn encode(&self, item: &T, into: &mut Vec<u8>) -> Result<Payload, BoxError> {
        serde_json::to_writer(into, item)?;
        Ok(Payload::Value)
    }
}

/// [`Encoder`] without its element's bounds, so that a sink can stand before its encoder is chosen.
pub(crate) trait Encode<T>: Send + Sync {
    fn encode(&self, item: &T, into: &mut Vec<u8>) -> Result<Payload, BoxError>;
}

impl<E: Encoder> Encode<E::Item> for E {
    fn encode(&self, item: &E::Item, into: &mut Vec<u8>) -> Result<Payload, BoxError> {
        Encoder::encode(self, item, into)
    }
}

/// Stands where no encoder has been chosen yet.
pub(crate) struct NoEncoder;

impl Encode<super::Unencoded> for NoEncoder {
    fn encode(&self, item: &super::Unencoded, _: &mut Vec<u8>) -> Result<Payload, BoxError> {
        match *item {}
    }
}
