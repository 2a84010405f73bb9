//! An order for values that need not have one: that of their encodings. It breaks ties, so that results do not depend on who came first.

use std::cmp::Ordering;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Element;

/// Orders two values by their encodings; equal ones are equal.
pub(super) fn by_encoding<T: Element>(a: &T, b: &T) -> Ordering {
    encoding(a).cmp(&encoding(b))
}

/// A number that is equal for equal values and looks random otherwise.
pub(super) fn hash_of_encoding<T: Element>(value: &T, seed: u64) -> u64 {
    xxh3_64_with_seed(&encoding(value), seed)
}

/// A type without an encoding cannot leave its stage, and fails there by name.
fn encoding<T: Element>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).unwrap_or_default()
}
