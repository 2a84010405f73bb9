//! State as bytes: what snapshots are made of.
//!
//! A shard of keyed work writes what it has changed since its last snapshot as a [`StateLog`]: single entries by (window, encoded key), and
//! whole windows that are gone. Logs of one transform, applied in the order of their snapshots, give its state; by the
//! [key group](key_group) of each key it is dealt out to however many shards there are then. What an entry's bytes mean only the
//! shard knows that wrote it.
//!
//! Architecture invariant: no log is read by position in memory, by a hash of this process, or by a type's layout: another process reads it.

mod entry;
mod log;
mod table;

pub use entry::StateEntry;
pub use log::{Change, StateLog, StateLogError, StateRecord, StateRecords};
pub use table::StateTable;

use crate::coder::placement;
use crate::kernel::KEY_GROUPS;

/// The key group of a key, by its encoding: what decides which shard owns it, the same for ever.
pub fn key_group(encoded_key: &[u8]) -> u8 {
    (placement(encoded_key) as usize % KEY_GROUPS) as u8
}

/// The shard, of `shards`, that owns a key group: contiguous runs, so that a changed parallelism moves whole groups.
pub fn shard_of(key_group: u8, shards: usize) -> usize {
    usize::from(key_group) * shards / KEY_GROUPS
}
