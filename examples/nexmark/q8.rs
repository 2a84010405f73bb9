//! Query 8, new users: persons who opened auctions in the same 10 seconds in which they registered, once for each auction.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Event, auctions, persons};

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
    let events = events.window(Fixed::of(seconds(10)));
    let names = persons(&events).map("name", |person| (person.id, person.name));
    let reserves = auctions(&events).map("reserve", |auction| (auction.seller, auction.reserve));
    names.inner_join("of the same window", &reserves).map("new user", |(id, (name, reserve))| IdNameReserve {
        id,
        name,
        reserve,
    })
}
