//! A self-describing coder for the types that postcard cannot take back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Coder;
use crate::BoxError;

/// JSON text behind a length of four little-endian bytes: larger and slower than
/// [`Postcard`](super::Postcard), but it takes back every type that describes itself.
///
/// ```
/// use purlin_model::coder::{Coder, Json};
/// let value = serde_json::json!({"a": [1, 2]});
/// let mut bytes = Vec::new();
/// Json.encode(&value, &mut bytes).unwrap();
/// let back: serde_json::Value = Json.decode(&mut bytes.as_slice()).unwrap();
/// assert_eq!(back, value);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Coder<T> for Json {
    fn encode(&self, value: &T, into: &mut Vec<u8>) -> Result<(), BoxError> {
        let start = into.len();
        into.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut *into, value)?;
        let length = u32::try_from(into.len() - start - 4)?;
        into[start..start + 4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    fn decode(&self, from: &mut &[u8]) -> Result<T, BoxError> {
        let (length, rest) = from.split_first_chunk::<4>().ok_or("the encoded value ends within its length")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (body, rest) = rest.split_at_checked(length).ok_or("the encoded value is shorter than its length says")?;
        *from = rest;
        Ok(serde_json::from_slice(body)?)
    }

    fn name(&self) -> &'static str {
        "json"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn floats_come_back_to_the_last_bit(value in proptest::num::f64::NORMAL) {
            let mut bytes = Vec::new();
            Json.encode(&value, &mut bytes).expect("it is a number");
            let back: f64 = Json.decode(&mut bytes.as_slice()).expect("it is a number");
            prop_assert_eq!(back.to_bits(), value.to_bits());
        }
    }
}
