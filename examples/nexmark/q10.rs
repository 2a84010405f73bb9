//! Query 10, log to sharded files: every bid, spread evenly over the files of a folder.

use std::path::Path;

use purlin::io::text::JsonLinesSink;
use purlin::prelude::*;

use super::{Bid, Event, bids};

/// The bids, evenly spread over the workers.
pub fn spread_bids(events: PCollection<Event>) -> PCollection<Bid> {
    bids(&events).reshuffle()
}

/// Where they go: each worker writes a shard of its own.
pub fn shards(folder: &Path) -> JsonLinesSink<Bid> {
    JsonLinesSink::new(folder).overwrite()
}
