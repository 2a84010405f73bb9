//! Query 7, highest bid: the bid with the highest price of every 10 seconds; all of them where several are as high.

use purlin::prelude::*;

use super::{Bid, Event, Greatest, bids};

/// The highest bids of each window.
pub fn highest_bid(events: PCollection<Event>) -> PCollection<Bid> {
    bids(&events)
        .window(Fixed::of(seconds(10)))
        .combine_globally("highest", Greatest::by(|bid: &Bid| bid.price))
        .flat_map("each", |highest| highest)
}
