//! Query 8, new users: persons who opened auctions in the same 10 seconds in which they registered, once for each auction.
//!
//! One pass takes the little that matters out of the events: two readers of one collection would each get events of their own, bids
//! and all.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Event, What};

/// A new user who sells something.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct IdNameReserve {
    pub id: i64,
    pub name: String,
    pub reserve: i64,
}

/// New persons with the reserves of their auctions.
pub fn new_users(events: PCollection<Event>) -> PCollection<IdNameReserve> {
    let (names, reserves) = events.par_do("names and reserves", BySeller);
    let span = Fixed::of(seconds(10));
    names
        .window(span)
        .inner_join("of the same window", &reserves.window(span))
        .map("new user", |(id, (name, reserve))| IdNameReserve { id, name, reserve })
}

/// Names of persons, and reserves of auctions, behind the person's number.
#[derive(Clone)]
struct BySeller;

impl DoFn<Event> for BySeller {
    type Out = (Output<(i64, String)>, Output<(i64, i64)>);

    fn process(&mut self, event: Event, _: &Context<'_>, out: &mut Self::Out) -> Result<(), BoxError> {
        match event.what {
            What::Person(person) => out.0.emit((person.id, person.name)),
            What::Auction(auction) => out.1.emit((auction.seller, auction.reserve)),
            What::Bid(_) => {}
        }
        Ok(())
    }
}
