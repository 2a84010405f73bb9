//! Query 6, average price per seller: whenever an auction closes, the mean price of its seller's last 10 winning bids, by the time of the bid, then
//! by price.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::Event;
use super::q4::rounded;
use super::q9::winning_bids;

/// A mean price, rounded. A later one of the same seller replaces it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SellerPrice {
    pub seller: i64,
    pub price: i64,
}

/// The mean of each seller's last winning bids, again and again.
pub fn average_price_per_seller(events: PCollection<Event>) -> PCollection<SellerPrice> {
    let at_every_bid = Trigger::after_count(1).repeatedly();
    winning_bids(events)
        .map("by seller", |winning| (winning.auction.seller, (winning.bid.date_time, winning.bid.price)))
        .window(Global.with().trigger(at_every_bid).accumulating().allowed_lateness(seconds(0)))
        .combine_per_key("last 10", Top::n(10))
        .map("mean", |(seller, last)| SellerPrice { seller, price: mean_price(&last) })
}

fn mean_price(last: &[(Timestamp, i64)]) -> i64 {
    let sum: i128 = last.iter().map(|(_, price)| i128::from(*price)).sum();
    rounded(sum as f64 / last.len() as f64)
}
