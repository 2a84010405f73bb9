//! Cells as bytes: serde through postcard, one value behind the other.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::BoxError;
use crate::coder::{Coder, Postcard};

/// Appends a value.
pub(super) fn put<T: Serialize + DeserializeOwned>(value: &T, into: &mut Vec<u8>) -> Result<(), BoxError> {
    Postcard.encode(value, into)
}

/// Takes a value from the front.
pub(super) fn take<T: Serialize + DeserializeOwned>(from: &mut &[u8]) -> Result<T, BoxError> {
    Postcard.decode(from)
}

/// Appends `len` values.
pub(super) fn put_all<T: Serialize>(
    len: usize,
    values: impl Iterator<Item = T>,
    into: &mut Vec<u8>,
) -> Result<(), BoxError> {
    put(&len, into)?;
    for value in values {
        let bytes = std::mem::take(into);
        *into = postcard::to_extend(&value, bytes)?;
    }
    Ok(())
}

/// Takes all values that [`put_all`] appended.
pub(super) fn take_all<T: DeserializeOwned>(from: &mut &[u8], mut each: impl FnMut(T)) -> Result<(), BoxError> {
    let len: usize = take(from)?;
    for _ in 0..len {
        let (value, rest) = postcard::take_from_bytes(from)?;
        *from = rest;
        each(value);
    }
    Ok(())
}
