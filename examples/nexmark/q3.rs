//! Query 3, local items: who in Oregon, Idaho or California is selling something of category 10, once for each auction.
//!
//! Persons and auctions come in any order and for ever, so each waits for the other in state, by person. Ten minutes of event time after the last
//! of someone's events what waits is forgotten.

use purlin::prelude::*;
use purlin::state::{Bag, EventTimer, OutputTime, Value};
use serde::{Deserialize, Serialize};

use super::{Event, What};

/// Someone who sells something near by, and the auction's number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct NameCityStateId {
    pub name: String,
    pub city: String,
    pub state: String,
    pub id: i64,
}

/// Persons of the three states with their auctions of category 10.
pub fn local_items(events: PCollection<Event>) -> PCollection<NameCityStateId> {
    events.flat_map("by person", by_person).par_do_stateful("join", JoinBySeller)
}

/// What of an event matters here, behind the person's number.
fn by_person(event: Event) -> Option<(i64, Local)> {
    match event.what {
        What::Person(person) if matches!(&*person.state, "OR" | "ID" | "CA") => {
            Some((person.id, Local::Person(person.name, person.city, person.state)))
        }
        What::Auction(auction) if auction.category == 10 => Some((auction.seller, Local::Auction(auction.id))),
        _ => None,
    }
}

/// Name, city and state of a person, or the number of an auction.
#[derive(Clone, Serialize, Deserialize)]
enum Local {
    Person(String, String, String),
    Auction(i64),
}

#[derive(Clone)]
struct JoinBySeller;

#[derive(State)]
struct Waiting {
    person: Value<(String, String, String)>,
    auctions: Bag<i64>,
    expiry: EventTimer,
}

impl StatefulDoFn<i64, Local> for JoinBySeller {
    type State = Waiting;
    type Out = Output<NameCityStateId>;

    fn process(
        &mut self,
        _: &i64,
        local: Local,
        state: &mut Waiting,
        _: &StateContext,
        out: &mut Output<NameCityStateId>,
    ) -> Result<(), BoxError> {
        match local {
            Local::Person(name, city, of_state) => state.person.set((name, city, of_state)),
            Local::Auction(id) => state.auctions.add(id),
        }
        if let Some((name, city, of_state)) = state.person.get() {
            for id in state.auctions.take() {
                out.emit(NameCityStateId { name: name.clone(), city: city.clone(), state: of_state.clone(), id });
            }
        }
        // It emits nothing, so nothing needs to be held.
        state.expiry.set_relative_with_output(minutes(10), OutputTime::NotHeld);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &i64,
        state: &mut Waiting,
        _: &TimerContext,
        _: &mut Output<NameCityStateId>,
    ) -> Result<(), BoxError> {
        state.person.clear();
        state.auctions.clear();
        Ok(())
    }
}
