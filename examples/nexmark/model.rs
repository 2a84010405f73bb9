//! The events: what happens on the site, and how a line of JSON says it.

use purlin::prelude::*;
use serde::de::Error;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that happened, and when.
///
/// As JSON it is `{"ts": MS, "person" | "auction" | "bid": {...}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event time.
    pub ts: Timestamp,
    /// What happened.
    pub what: What,
}

/// What may happen. Bids are by far the most; the larger others are boxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Someone registers.
    Person(Box<Person>),
    /// An auction is opened.
    Auction(Box<Auction>),
    /// A bid is made.
    Bid(Bid),
}

/// Someone who opens auctions or bids in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // The names say it.
pub struct Person {
    pub id: i64,
    pub name: String,
    pub email_address: String,
    pub credit_card: String,
    pub city: String,
    pub state: String,
    pub date_time: Timestamp,
    pub extra: String,
}

/// Something for sale, from `date_time` until just before `expires`, for at least `reserve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Auction {
    pub id: i64,
    pub item_name: String,
    pub description: String,
    pub initial_bid: i64,
    pub reserve: i64,
    pub date_time: Timestamp,
    pub expires: Timestamp,
    pub seller: i64,
    pub category: i64,
    pub extra: String,
}

/// What someone offers, in cents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Bid {
    pub auction: i64,
    pub bidder: i64,
    pub price: i64,
    pub date_time: Timestamp,
    pub extra: String,
}

/// The bids alone.
pub fn bids(events: &PCollection<Event>) -> PCollection<Bid> {
    events.flat_map("bids", |event| match event.what {
        What::Bid(bid) => Some(bid),
        _ => None,
    })
}

/// In JSON `ts` and what happened stand side by side; where elements travel as bytes, an event is a plain pair.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return (self.ts, &self.what).serialize(serializer);
        }
        let mut line = serializer.serialize_map(Some(2))?;
        line.serialize_entry("ts", &self.ts)?;
        match &self.what {
            What::Person(person) => line.serialize_entry("person", person)?,
            What::Auction(auction) => line.serialize_entry("auction", auction)?,
            What::Bid(bid) => line.serialize_entry("bid", bid)?,
        }
        line.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            let (ts, what) = Deserialize::deserialize(deserializer)?;
            return Ok(Event { ts, what });
        }
        let line = Line::deserialize(deserializer)?;
        let what = match (line.person, line.auction, line.bid) {
            (Some(person), None, None) => What::Person(person),
            (None, Some(auction), None) => What::Auction(auction),
            (None, None, Some(bid)) => What::Bid(bid),
            _ => return Err(D::Error::custom("an event has one of the fields `person`, `auction` and `bid`")),
        };
        Ok(Event { ts: line.ts, what })
    }
}

/// An event as a line has it.
#[derive(Deserialize)]
struct Line {
    ts: Timestamp,
    person: Option<Box<Person>>,
    auction: Option<Box<Auction>>,
    bid: Option<Bid>,
}
