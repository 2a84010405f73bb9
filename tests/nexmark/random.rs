//! Random events with awkward corners: equal prices, equal and negative times, bids before their auction and after it, auctions that expire
//! before they begin, sellers and auctions that nobody knows.

use proptest::collection::vec;
use proptest::prelude::*;
use purlin::Timestamp;
use purlin_examples::nexmark::{Auction, Bid, Event, Person, What};
use purlin_tests::{ScriptedSource, random_cases};

use crate::by_hand;
use crate::outcome::{QUERIES, RUNNERS, check, outcome};

proptest! {
    // A case runs every query on every runner: shrinking one is slow.
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..random_cases(20) })]

    #[test]
    fn the_results_are_those_of_plain_loops(site in site(), arrival in arrival()) {
        for query in QUERIES {
            let expected = by_hand::results(query, &site);
            for runner in RUNNERS {
                let actual = outcome(query, arrival.source(&site), runner);
                check(query, &format!("on {runner:?}"), actual, expected.clone());
            }
        }
    }
}

/// How events come: dealt to splits, in bundles, with a watermark that follows them or not.
#[derive(Clone, Debug)]
struct Arrival {
    splits: usize,
    bundle: usize,
    moving_watermark: bool,
}

impl Arrival {
    fn source(&self, events: &[Event]) -> ScriptedSource<Event> {
        let mut splits = vec![Vec::new(); self.splits];
        for (number, event) in events.iter().enumerate() {
            splits[number % self.splits].push((event.clone(), event.ts));
        }
        ScriptedSource::new(splits).bundles_of(self.bundle).moving_watermark(self.moving_watermark)
    }
}

fn arrival() -> impl Strategy<Value = Arrival> {
    (1..4_usize, 1..40_usize, any::<bool>()).prop_map(|(splits, bundle, moving_watermark)| Arrival {
        splits,
        bundle,
        moving_watermark,
    })
}

/// A few hundred events in order of time. Numbers of persons and auctions are used once; few of everything, so that they meet.
fn site() -> impl Strategy<Value = Vec<Event>> {
    vec((time(), happening()), 100..400).prop_map(|mut happenings| {
        happenings.sort_by_key(|(ts, _)| *ts);
        let (mut next_person, mut next_auction) = (0, 0);
        let event = |(ts, happening)| {
            let at = Timestamp::from_millis(ts);
            let what = match happening {
                Happening::Person { state } => {
                    next_person += 1;
                    What::Person(Box::new(person(next_person - 1, state, at)))
                }
                Happening::Auction { seller, category, reserve, lasts } => {
                    next_auction += 1;
                    // Some expire where windows end, and where bids are made.
                    let expires = if lasts % 3 == 0 { (ts + lasts).div_euclid(5_000) * 5_000 } else { ts + lasts };
                    let expires = Timestamp::from_millis(expires);
                    What::Auction(Box::new(auction((next_auction - 1) * 41, seller, category, reserve, at, expires)))
                }
                Happening::Bid { auction, bidder, price, extra } => {
                    What::Bid(Bid { auction: auction * 41, bidder, price, date_time: at, extra: extra.to_string() })
                }
            };
            Event { ts: at, what }
        };
        happenings.into_iter().map(event).collect()
    })
}

/// Around 1970, some at the edges of windows.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![3 => -35_000..35_000_i64, 1 => prop::sample::select(&[-10_001, -10_000, -5_000, -1, 0, 4_999, 5_000, 9_999, 10_000][..])]
}

#[derive(Clone, Debug)]
enum Happening {
    Person { state: &'static str },
    Auction { seller: i64, category: i64, reserve: i64, lasts: i64 },
    Bid { auction: i64, bidder: i64, price: i64, extra: u8 },
}

fn happening() -> impl Strategy<Value = Happening> {
    let states = prop::sample::select(&["OR", "ID", "CA", "WY", "or"][..]);
    let lasts = prop_oneof![1 => -5_000..=0_i64, 1 => Just(1), 8 => 1..30_000_i64];
    prop_oneof![
        1 => states.prop_map(|state| Happening::Person { state }),
        2 => (0..20_i64, 9..12_i64, 0..4_i64, lasts)
            .prop_map(|(seller, category, reserve, lasts)| Happening::Auction { seller, category, reserve, lasts }),
        9 => (0..40_i64, -3..4_i64, 0..6_i64, 0..2_u8)
            .prop_map(|(auction, bidder, price, extra)| Happening::Bid { auction, bidder, price, extra }),
    ]
}

fn person(id: i64, state: &str, at: Timestamp) -> Person {
    Person {
        id,
        name: format!("person {id}"),
        email_address: format!("{id}@example.org"),
        credit_card: String::new(),
        city: "Boise".into(),
        state: state.into(),
        date_time: at,
        extra: String::new(),
    }
}

fn auction(id: i64, seller: i64, category: i64, reserve: i64, at: Timestamp, expires: Timestamp) -> Auction {
    Auction {
        id,
        item_name: format!("item {id}"),
        description: String::new(),
        initial_bid: reserve / 2,
        reserve,
        date_time: at,
        expires,
        seller,
        category,
        extra: String::new(),
    }
}
