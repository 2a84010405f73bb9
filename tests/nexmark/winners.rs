//! Winning bids by a plain loop: what queries 4, 6 and 9 start from.

use purlin_examples::nexmark::{Auction, Bid, Event};

use crate::by_hand::{auctions, bids};

/// Each auction that was sold, with its winning bid, in the order in which they closed.
///
/// The highest price that is at least the reserve wins, the earliest of equals, made from the auction's start until just before its expiry. Of
/// bids that are equal in time too, any would do; the one with the least bidder is expected.
pub(crate) fn winners(events: &[Event]) -> Vec<(&Auction, &Bid)> {
    let mut winners = Vec::new();
    for auction in auctions(events) {
        let mut best: Option<&Bid> = None;
        for bid in bids(events).filter(|bid| bid.auction == auction.id) {
            let in_time = auction.date_time <= bid.date_time && bid.date_time < auction.expires;
            if !in_time || bid.price < auction.reserve {
                continue;
            }
            let is_better = best.is_none_or(|best| {
                bid.price > best.price
                    || bid.price == best.price
                        && (bid.date_time, bid.bidder, &bid.extra) < (best.date_time, best.bidder, &best.extra)
            });
            if is_better {
                best = Some(bid);
            }
        }
        winners.extend(best.map(|bid| (auction, bid)));
    }
    winners.sort_by_key(|(auction, _)| auction.expires);
    winners
}
