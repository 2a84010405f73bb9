//! Events made by the `nexmark` crate: a source without a file, for speed.

use std::fmt;

use ::nexmark::EventGenerator;
use ::nexmark::config::NexmarkConfig;
use ::nexmark::event as made;
use async_trait::async_trait;
use purlin::bundle::{BUNDLE_TARGET, Bundle};
use purlin::prelude::*;
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use serde::{Deserialize, Serialize};

use super::{Auction, Bid, Event, Person, What};

/// The first event's time: 2015-07-15T00:00:00Z, as in Beam's suite.
const START_MS: u64 = 1_436_918_400_000;

/// The first `count` events of the generator, `rate` to a second of event time. The same ones always.
///
/// It stands for a topic: unbounded as far as the pipeline can tell, with a watermark that follows the events, although it ends.
pub struct GeneratedEvents {
    /// How many there are.
    pub count: u64,
    /// How many there are to a second of event time.
    pub rate: u32,
}

/// Every `step`th event from `next` on, before `end`. Splits take turns, so that they come forward in event time side by side.
#[derive(Clone, Serialize, Deserialize)]
pub struct Turns {
    next: u64,
    step: u64,
    end: u64,
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "generated events {}, {}, …", self.next, self.next + self.step)
    }
}

#[async_trait]
impl Source for GeneratedEvents {
    type Item = Event;
    type Split = Turns;

    fn describe(&self) -> String {
        format!("{} generated events", self.count)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<Turns>, BoxError> {
        let step = request.desired.max(1) as u64;
        Ok((0..step).map(|next| Turns { next, step, end: self.count }).collect())
    }

    async fn open(&self, split: Turns) -> Result<Box<dyn Reader<Self>>, BoxError> {
        let events = EventGenerator::new(config(self.rate)).with_offset(split.next).with_step(split.step);
        Ok(Box::new(TurnReader { events, left: split }))
    }
}

/// Beam's settings; states are written as its query 3 has them.
fn config(rate: u32) -> NexmarkConfig {
    let rate = rate as usize;
    let us_states = ["AZ", "CA", "ID", "OR", "WA", "WY"].map(String::from).to_vec();
    NexmarkConfig { base_time: START_MS, us_states, first_rate: rate, next_rate: rate, ..NexmarkConfig::default() }
}

struct TurnReader {
    events: EventGenerator,
    left: Turns,
}

#[async_trait]
impl Reader<GeneratedEvents> for TurnReader {
    async fn read(&mut self, into: &mut Bundle<Event>) -> Result<Progress, BoxError> {
        let Turns { next, step, end } = self.left;
        let count = end.saturating_sub(next).div_ceil(step).min(BUNDLE_TARGET as u64);
        into.fill(self.events.by_ref().take(count as usize).map(Event::from));
        into.set_timestamps(|event| event.ts).map_err(|at| format!("{} ms is no event time", at.millis()))?;
        self.left.next = next + count * step;
        Ok(if self.left.next < end { Progress::More } else { Progress::End })
    }

    fn remaining(&self) -> Turns {
        self.left.clone()
    }

    fn watermark(&self) -> Timestamp {
        time(self.events.timestamp())
    }
}

impl From<made::Event> for Event {
    fn from(event: made::Event) -> Self {
        let ts = time(event.timestamp());
        let what = match event {
            made::Event::Person(person) => What::Person(Box::new(person.into())),
            made::Event::Auction(auction) => What::Auction(Box::new(auction.into())),
            made::Event::Bid(bid) => What::Bid(bid.into()),
        };
        Event { ts, what }
    }
}

impl From<made::Person> for Person {
    fn from(person: made::Person) -> Self {
        let made::Person { id, name, email_address, credit_card, city, state, date_time, extra } = person;
        Person { id: id as i64, name, email_address, credit_card, city, state, date_time: time(date_time), extra }
    }
}

impl From<made::Auction> for Auction {
    fn from(auction: made::Auction) -> Self {
        Auction {
            id: auction.id as i64,
            item_name: auction.item_name,
            description: auction.description,
            initial_bid: auction.initial_bid as i64,
            reserve: auction.reserve as i64,
            date_time: time(auction.date_time),
            expires: time(auction.expires),
            seller: auction.seller as i64,
            category: auction.category as i64,
            extra: auction.extra,
        }
    }
}

impl From<made::Bid> for Bid {
    fn from(bid: made::Bid) -> Self {
        let made::Bid { auction, bidder, price, date_time, extra, .. } = bid;
        let (auction, bidder, price) = (auction as i64, bidder as i64, price as i64);
        Bid { auction, bidder, price, date_time: time(date_time), extra }
    }
}

fn time(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis as i64)
}
