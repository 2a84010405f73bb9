//! What must come out of each query, by plain loops over the events in order of time.

use std::collections::BTreeMap;

use purlin::Timestamp;
use purlin_examples::nexmark::{Auction, Bid, Event, Person, What};
use serde_json::{Value, json};

use crate::winners::winners;

/// All results of query number `query`; where they follow one another, in that order.
pub(crate) fn results(query: u8, events: &[Event]) -> Vec<Value> {
    match query {
        0 => events.iter().map(as_line).collect(),
        1 => bids(events).map(|bid| bid_with(bid, i128::from(bid.price) * 89 / 100, &bid.extra)).collect(),
        2 => bids(events).filter(|bid| bid.auction % 123 == 0).map(auction_price).collect(),
        3 => local_items(events),
        4 => average_per_category(events),
        5 => hot_items(events),
        6 => average_per_seller(events),
        7 => highest_bids(events),
        8 => new_users(events),
        9 => winners(events).iter().map(|(auction, bid)| json!({"auction": auction, "bid": as_is(bid)})).collect(),
        10 => bids(events).map(as_is).collect(),
        11 => sessions(events, 10_000).iter().map(|session| per_session(session)).collect(),
        12 => bids(events).map(|bid| json!({"personId": bid.bidder, "bidsPerSession": 1})).collect(),
        13 => bids(events).map(|bid| bid_with(bid, bid.price.into(), &row(bid))).collect(),
        14 => sessions(events, 600_000).iter().flat_map(|session| with_session(session)).collect(),
        other => panic!("there is no query {other}"),
    }
}

pub(crate) fn bids(events: &[Event]) -> impl Iterator<Item = &Bid> {
    events.iter().filter_map(|event| if let What::Bid(bid) = &event.what { Some(bid) } else { None })
}

pub(crate) fn auctions(events: &[Event]) -> impl Iterator<Item = &Auction> {
    events.iter().filter_map(|event| if let What::Auction(auction) = &event.what { Some(&**auction) } else { None })
}

fn persons(events: &[Event]) -> impl Iterator<Item = &Person> {
    events.iter().filter_map(|event| if let What::Person(person) = &event.what { Some(&**person) } else { None })
}

fn as_line(event: &Event) -> Value {
    let ts = event.ts.millis();
    match &event.what {
        What::Person(person) => json!({"ts": ts, "person": person}),
        What::Auction(auction) => json!({"ts": ts, "auction": auction}),
        What::Bid(bid) => json!({"ts": ts, "bid": bid}),
    }
}

fn as_is(bid: &Bid) -> Value {
    bid_with(bid, bid.price.into(), &bid.extra)
}

fn bid_with(bid: &Bid, price: i128, extra: &str) -> Value {
    let price = i64::try_from(price).expect("a price");
    let at = bid.date_time.millis();
    json!({"auction": bid.auction, "bidder": bid.bidder, "price": price, "dateTime": at, "extra": extra})
}

fn auction_price(bid: &Bid) -> Value {
    json!({"auction": bid.auction, "price": bid.price})
}

fn local_items(events: &[Event]) -> Vec<Value> {
    let mut items = Vec::new();
    for person in persons(events).filter(|person| ["OR", "ID", "CA"].contains(&person.state.as_str())) {
        for auction in auctions(events).filter(|auction| auction.category == 10 && auction.seller == person.id) {
            items.push(json!({"name": person.name, "city": person.city, "state": person.state, "id": auction.id}));
        }
    }
    items
}

/// The starts of the windows of 10 seconds, one every 5, that hold `at`.
fn sliding(at: i64) -> [i64; 2] {
    let last = at.div_euclid(5_000) * 5_000;
    [last - 5_000, last]
}

fn average_per_category(events: &[Event]) -> Vec<Value> {
    let mut prices: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
    for (auction, bid) in winners(events) {
        for start in sliding(auction.expires.millis() - 1) {
            prices.entry((start, auction.category)).or_default().push(bid.price);
        }
    }
    let average = |((_, category), prices): ((i64, i64), Vec<i64>)| json!({"category": category, "price": rounded_mean(&prices), "isLast": true});
    prices.into_iter().map(average).collect()
}

/// To the nearest whole number, up from the middle.
fn rounded_mean(prices: &[i64]) -> i64 {
    let (sum, count) = (prices.iter().sum::<i64>(), prices.len() as i64);
    (2 * sum + count).div_euclid(2 * count)
}

fn hot_items(events: &[Event]) -> Vec<Value> {
    let mut counts: BTreeMap<i64, BTreeMap<i64, u64>> = BTreeMap::new();
    for bid in bids(events) {
        for start in sliding(bid.date_time.millis()) {
            *counts.entry(start).or_default().entry(bid.auction).or_default() += 1;
        }
    }
    let mut hot = Vec::new();
    for counts in counts.values() {
        let most = counts.values().max();
        let with_most = counts.iter().filter(|(_, num)| Some(*num) == most);
        hot.extend(with_most.map(|(auction, num)| json!({"auction": auction, "num": num})));
    }
    hot
}

/// After each winning bid, the mean of its seller's ten latest, by the time of the bid, then by price.
fn average_per_seller(events: &[Event]) -> Vec<Value> {
    let mut latest: BTreeMap<i64, Vec<(Timestamp, i64)>> = BTreeMap::new();
    let mut averages = Vec::new();
    for (auction, bid) in winners(events) {
        let latest = latest.entry(auction.seller).or_default();
        latest.push((bid.date_time, bid.price));
        latest.sort();
        if latest.len() > 10 {
            latest.remove(0);
        }
        let prices: Vec<i64> = latest.iter().map(|(_, price)| *price).collect();
        averages.push(json!({"seller": auction.seller, "price": rounded_mean(&prices)}));
    }
    averages
}

fn highest_bids(events: &[Event]) -> Vec<Value> {
    let window = |bid: &Bid| bid.date_time.millis().div_euclid(10_000);
    let highest = |of: &Bid| bids(events).filter(|bid| window(bid) == window(of)).map(|bid| bid.price).max();
    let mut known: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    bids(events)
        .filter(|bid| *known.entry(window(bid)).or_insert_with(|| highest(bid)) == Some(bid.price))
        .map(as_is)
        .collect()
}

fn new_users(events: &[Event]) -> Vec<Value> {
    let mut users = Vec::new();
    for person in persons(events) {
        for auction in auctions(events).filter(|auction| auction.seller == person.id) {
            if person.date_time.millis().div_euclid(10_000) == auction.date_time.millis().div_euclid(10_000) {
                users.push(json!({"id": person.id, "name": person.name, "reserve": auction.reserve}));
            }
        }
    }
    users
}

/// Each bidder's bids, cut where none came for `gap_ms`.
fn sessions(events: &[Event], gap_ms: i64) -> Vec<Session<'_>> {
    let mut by_bidder: BTreeMap<i64, Vec<&Bid>> = BTreeMap::new();
    for bid in bids(events) {
        by_bidder.entry(bid.bidder).or_default().push(bid);
    }
    let mut sessions = Vec::new();
    for bids in by_bidder.values() {
        for bids in bids.chunk_by(|a, b| b.date_time.millis() - a.date_time.millis() < gap_ms) {
            let end = bids[bids.len() - 1].date_time.millis() + gap_ms;
            sessions.push(Session { bids: bids.to_vec(), end });
        }
    }
    sessions
}

struct Session<'a> {
    bids: Vec<&'a Bid>,
    end: i64,
}

fn per_session(session: &Session<'_>) -> Value {
    json!({"personId": session.bids[0].bidder, "bidsPerSession": session.bids.len()})
}

fn with_session(session: &Session<'_>) -> Vec<Value> {
    let [start, end] = [session.bids[0].date_time.millis(), session.end].map(instant);
    let extra = |bid: &Bid| format!("{}:{start}:{end}", row(bid));
    session.bids.iter().map(|bid| bid_with(bid, bid.price.into(), &extra(bid))).collect()
}

fn row(bid: &Bid) -> String {
    (((bid.bidder % 500) + 500) % 500).to_string()
}

/// Counted from the start of the two days round 1970-01-01 or of 2015-07-15, in which all tested events lie.
fn instant(ms: i64) -> String {
    let (day, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let day = match day {
        -1 => "1969-12-31",
        0 => "1970-01-01",
        16_631 => "2015-07-15",
        other => panic!("no event is tested on day {other}"),
    };
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{day}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1000)
}
