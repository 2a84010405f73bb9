//! Query 9, winning bids: of every auction that is sold, the bid that wins it.
//!
//! That is the highest price that is at least the reserve, the earliest of equals, from the auction's start until just before its expiry. (Of
//! bids that are equal in time, too, the one with the least bidder, so that the result never depends on the order of arrival.) The
//! result stands at the auction's last millisecond.

use std::cmp::Reverse;

use purlin::prelude::*;
use purlin::state::{Bag, EventTimer, OutputTime, Value};
use serde::{Deserialize, Serialize};

use super::{Auction, Bid, Event, What};

/// An auction and the bid that wins it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct WinningBid {
    pub auction: Auction,
    pub bid: Bid,
}

/// The winning bid of every auction, once it has closed.
pub fn winning_bids(events: PCollection<Event>) -> PCollection<WinningBid> {
    events.flat_map("by auction", by_auction).par_do_stateful("winner", Winner)
}

/// Auctions and bids behind the auction's number.
fn by_auction(event: Event) -> Option<(i64, Offer)> {
    match event.what {
        What::Person(_) => None,
        What::Auction(auction) => Some((auction.id, Offer::Auction(auction))),
        What::Bid(bid) => Some((bid.auction, Offer::Bid(bid))),
    }
}

#[derive(Clone, Serialize, Deserialize)]
enum Offer {
    Auction(Box<Auction>),
    Bid(Bid),
}

#[derive(Clone)]
struct Winner;

/// What is known of an auction.
#[derive(State)]
struct Bidding {
    auction: Value<Box<Auction>>,
    best: Value<Bid>,
    close: EventTimer,
    /// Bids that came before their auction, or for none, with their event times.
    waiting: Bag<(Timestamp, Bid)>,
    give_up: EventTimer,
}

impl StatefulDoFn<i64, Offer> for Winner {
    type State = Bidding;
    type Out = Output<WinningBid>;

    fn process(
        &mut self,
        _: &i64,
        offer: Offer,
        state: &mut Bidding,
        cx: &StateContext,
        _: &mut Output<WinningBid>,
    ) -> Result<(), BoxError> {
        match offer {
            Offer::Auction(auction) => state.open(auction),
            Offer::Bid(bid) => state.bid(bid, cx.timestamp()),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &i64,
        state: &mut Bidding,
        cx: &TimerContext,
        out: &mut Output<WinningBid>,
    ) -> Result<(), BoxError> {
        if state.give_up.fired() {
            state.forget_waiting(cx.firing_time());
        }
        if state.close.fired()
            && let (Some(auction), Some(bid)) = (state.auction.take(), state.best.take())
        {
            out.emit(WinningBid { auction: *auction, bid });
        }
        Ok(())
    }
}

impl Bidding {
    fn open(&mut self, auction: Box<Auction>) {
        for (_, bid) in self.waiting.take() {
            consider(bid, &auction, &mut self.best);
        }
        self.give_up.clear();
        if auction.date_time < auction.expires {
            self.close.set(auction.expires.saturating_add_millis(-1).min(Timestamp::GLOBAL_MAX));
            self.auction.set(auction);
        }
    }

    /// A bid for an auction that is not known waits for it until the watermark has passed the bid: an auction that begins no later
    /// than that would have come by then.
    fn bid(&mut self, bid: Bid, at: Timestamp) {
        if let Some(auction) = self.auction.get() {
            return consider(bid, auction, &mut self.best);
        }
        self.waiting.add((at, bid));
        if !self.give_up.is_set() {
            self.give_up.set_with_output(at, OutputTime::NotHeld);
        }
    }

    /// Bids after `now` wait on.
    fn forget_waiting(&mut self, now: Timestamp) {
        for (at, bid) in self.waiting.take().into_iter().filter(|(at, _)| *at > now) {
            self.bid(bid, at);
        }
    }
}

/// Keeps the bid if it is allowed and better than the best so far.
fn consider(bid: Bid, auction: &Auction, best: &mut Value<Bid>) {
    let in_time = (auction.date_time..auction.expires).contains(&bid.date_time);
    if in_time && bid.price >= auction.reserve && best.get().is_none_or(|best| is_better(&bid, best)) {
        best.set(bid);
    }
}

fn is_better(bid: &Bid, best: &Bid) -> bool {
    let rank = |bid: &Bid| (bid.price, Reverse((bid.date_time, bid.bidder)));
    (rank(bid), Reverse(&bid.extra)) > (rank(best), Reverse(&best.extra))
}
