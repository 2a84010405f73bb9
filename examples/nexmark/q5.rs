//! Query 5, hot items: every 5 seconds, the auctions with the most bids in the last 10; all of them where several have as many.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Event, Greatest, bids};

/// How many bids an auction had.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AuctionCount {
    pub auction: i64,
    pub num: u64,
}

/// The auctions with the most bids of each window.
pub fn hot_items(events: PCollection<Event>) -> PCollection<AuctionCount> {
    bids(&events)
        .window(Sliding::of(seconds(10)).every(seconds(5)))
        .map("auction", |bid| (bid.auction, ()))
        .combine_per_key("count", Count)
        .combine_globally("most", Greatest::by(|(_, num): &(i64, u64)| *num))
        .flat_map("each", |most| most.into_iter().map(|(auction, num)| AuctionCount { auction, num }))
}
