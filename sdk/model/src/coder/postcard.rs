//! The default coder: serde through postcard.

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

/// The hash that places a key: XXH3-64 of its encoding. Fixed: snapshots and workers rely on it.
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
}
