//! Query 4, average price per category: every 5 seconds, the mean price of the winning bids of the auctions that closed in the last 10.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::Event;
use super::q9::winning_bids;

/// A mean price, rounded; `is_last` if no correction of it can follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct CategoryPrice {
    pub category: i64,
    pub price: i64,
    pub is_last: bool,
}

/// The mean winning price of each category and window.
pub fn average_price_per_category(events: PCollection<Event>) -> PCollection<CategoryPrice> {
    winning_bids(events)
        .map("price", |winning| (winning.auction.category, winning.bid.price))
        .window(Sliding::of(seconds(10)).every(seconds(5)))
        .combine_per_key("mean", Mean)
        .map_in("row", |(category, mean), at| CategoryPrice { category, price: rounded(mean), is_last: at.pane.last })
}

/// To the nearest whole number, up from the middle.
pub(super) fn rounded(mean: f64) -> i64 {
    (mean + 0.5).floor() as i64
}
