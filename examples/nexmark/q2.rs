//! Query 2, selection: auction and price of the bids on every 123rd auction.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Event, bids};

/// A price that was offered in an auction.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AuctionPrice {
    pub auction: i64,
    pub price: i64,
}

/// The bids on auctions whose number 123 divides.
pub fn selection(events: PCollection<Event>) -> PCollection<AuctionPrice> {
    bids(&events)
        .filter("every 123rd auction", |bid| bid.auction % 123 == 0)
        .map("price", |bid| AuctionPrice { auction: bid.auction, price: bid.price })
}
