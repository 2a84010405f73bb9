//! What becomes of records that cannot be decoded, chosen by type because it changes the element's type.

use purlin_model::Element;

use super::TextError;
use crate::DeadLetter;

/// What a source makes of a record that cannot be decoded: [`Fail`] or [`DeadLetters`].
pub trait OnMalformed: sealed::Sealed + Send + Sync + 'static {
    /// The source's element, where its records are `T`.
    type Item<T: Element>: Element;

    /// From what the decoder says of the record `payload` that stands at `origin` to the element.
    #[doc(hidden)]
    fn item<T: Element>(
        decoded: Result<T, String>,
        origin: impl FnOnce() -> String,
        payload: &[u8],
    ) -> Result<Self::Item<T>, TextError>;
}

/// The first malformed record fails the pipeline.
#[derive(Clone, Copy, Debug)]
pub enum Fail {}

/// Malformed records become [`DeadLetter`]s.
#[derive(Clone, Copy, Debug)]
pub enum DeadLetters {}

impl OnMalformed for Fail {
    type Item<T: Element> = T;

    #[inline]
    fn item<T: Element>(decoded: Result<T, String>, origin: impl FnOnce() -> String, _: &[u8]) -> Result<T, TextError> {
        decoded.map_err(|reason| TextError::Malformed { at: origin(), reason })
    }
}

impl OnMalformed for DeadLetters {
    type Item<T: Element> = Result<T, DeadLetter>;

    #[inline]
    fn item<T: Element>(
        decoded: Result<T, String>,
        origin: impl FnOnce() -> String,
        payload: &[u8],
    ) -> Result<Result<T, DeadLetter>, TextError> {
        Ok(decoded.map_err(|error| DeadLetter { origin: origin(), payload: payload.to_vec(), error }))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Fail {}
    impl Sealed for super::DeadLetters {}
}
