//! Coders: elements as bytes, for whatever crosses a file, a checkpoint or a wire.
//!
//! The coder is a value on the collection. By default it is [`Postcard`]; `with_coder` sets another.

mod json;
mod postcard;
mod typed;

pub use json::Json;
pub use postcard::Postcard;
pub use typed::{AnyCoder, TypedCoder};

pub(crate) use postcard::{encode_key, placement, placement_of};

use crate::BoxError;

/// Writes values of `T` as bytes and takes them back.
///
/// Law: `decode(encode(x)) == x`, and decoding consumes exactly the bytes that encoding wrote, whatever follows them.
///
/// ```
/// use purlin_model::coder::{Coder, Postcard};
/// let mut bytes = Vec::new();
/// Postcard.encode(&(7_i64, "seven".to_string()), &mut bytes).unwrap();
/// let mut rest = bytes.as_slice();
/// let back: (i64, String) = Postcard.decode(&mut rest).unwrap();
/// assert_eq!(back, (7, "seven".to_string()));
/// assert!(rest.is_empty());
/// ```
pub trait Coder<T>: Send + Sync + 'static {
    /// Appends the bytes of `value` to `into`.
    fn encode(&self, value: &T, into: &mut Vec<u8>) -> Result<(), BoxError>;

    /// Reads one value from the front of `from` and moves `from` past it.
    fn decode(&self, from: &mut &[u8]) -> Result<T, BoxError>;

    /// The coder's name, for the graph's fingerprint.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}
