//! The in-memory hash: fast, and the same in every table of a process so that a hash is computed once.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

/// The in-memory hash of a key. Not stable between versions: placement uses the encoding's hash instead.
#[inline]
pub(crate) fn hash_of(key: &impl Hash) -> u64 {
    FixedState::default().hash_one(key)
}
