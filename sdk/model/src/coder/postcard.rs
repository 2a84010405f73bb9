//! The default coder: serde through postcard.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::Coder;
use crate::BoxError;

/// Compact bytes by serde's data model: varints, no field names.
///
/// It cannot take back types that need field names or look ahead: serde's `flatten`, `untagged`,
/// `skip_serializing_if`, or `serde_json::Value`. Give such collections [`Json`](super::Json).
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl<T: Serialize + DeserializeOwned> Coder<T> for Postcard {
    fn encode(&self, value: &T, into: &mut Vec<u8>) -> Result<(), BoxError> {
        let bytes = std::mem::take(into);
        *into = postcard::to_extend(value, bytes)?;
        Ok(())
    }

    fn decode(&self, from: &mut &[u8]) -> Result<T, BoxError> {
        let (value, rest) = postcard::take_from_bytes(from)?;
        *from = rest;
        Ok(value)
    }

    fn name(&self) -> &'static str {
        "postcard"
    }
}

/// The encoding that identifies a key, appended to `into`.
pub(crate) fn encode_key<K: Serialize>(key: &K, into: &mut Vec<u8>) -> Result<(), BoxError> {
    let bytes = std::mem::take(into);
    *into = postcard::to_extend(key, bytes)?;
    Ok(())
}

/// The [placement] of a key by its encoding, which `scratch` has room for.
#[inline]
pub(crate) fn placement_of<K: Serialize + 'static>(key: &K, scratch: &mut Vec<u8>) -> Result<u64, BoxError> {
    if let Some((bytes, len)) = encoded_integer(key) {
        return Ok(placement(&bytes[..len]));
    }
    scratch.clear();
    encode_key(key, scratch)?;
    Ok(placement(scratch))
}

/// The encoding of an integer, which is what most keys are, without the way through serde. Decided when the key's type is compiled.
#[inline]
fn encoded_integer<K: 'static>(key: &K) -> Option<([u8; VARINT_MAX], usize)> {
    let key: &dyn Any = key;
    if let Some(key) = key.downcast_ref::<i64>() {
        Some(varint((key << 1 ^ key >> 63) as u64))
    } else if let Some(key) = key.downcast_ref::<i32>() {
        Some(varint((key << 1 ^ key >> 31) as u32 as u64))
    } else if let Some(key) = key.downcast_ref::<u64>() {
        Some(varint(*key))
    } else {
        key.downcast_ref::<u32>().map(|key| varint(u64::from(*key)))
    }
}

/// So many bytes has the longest varint of 64 bits.
const VARINT_MAX: usize = 10;

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
#[inline]
fn varint(mut value: u64) -> ([u8; VARINT_MAX], usize) {
    let mut bytes = [0; VARINT_MAX];
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    (bytes, len + 1)
}

/// The hash that places a key: XXH3-64 of its encoding. Fixed: snapshots and workers rely on it.
#[inline]
pub(crate) fn placement(encoded_key: &[u8]) -> u64 {
    xxh3_64(encoded_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_never_changes() {
        let place = |key: i64| {
            let mut bytes = Vec::new();
            encode_key(&key, &mut bytes).expect("an integer encodes");
            placement(&bytes)
        };
        assert_eq!(place(0), 0xc44b_dff4_074e_ecdb);
    }

    fn check<K: Serialize + 'static>(key: K) {
        let encoded = postcard::to_stdvec(&key).expect("an integer encodes");
        assert_eq!(encoded_integer(&key).map(|(bytes, len)| bytes[..len].to_vec()), Some(encoded.clone()));
        assert_eq!(placement_of(&key, &mut Vec::new()).expect("an integer encodes"), placement(&encoded));
    }

    #[test]
    fn integers_are_encoded_as_serde_would() {
        for shift in 0..64 {
            let bit = 1_u64 << shift;
            for value in [bit - 1, bit, bit + 1, !bit] {
                check(value);
                check(value as u32);
                check(value as i64);
                check(value as i32);
            }
        }
        assert_eq!(encoded_integer(&"text"), None);
    }
}
