//! Query 11, user sessions: how many bids a person made in each session. A session ends 10 seconds after its last bid.

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Event, bids};

/// How many bids someone made in one session, or one span of time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct BidsPerSession {
    pub person_id: i64,
    pub bids_per_session: u64,
}

/// Bids per bidder and session.
pub fn user_sessions(events: PCollection<Event>) -> PCollection<BidsPerSession> {
    bids(&events)
        .window(Sessions::of(seconds(10)))
        .map("bidder", |bid| (bid.bidder, ()))
        .combine_per_key("count", Count)
        .map("session", |(person_id, bids_per_session)| BidsPerSession { person_id, bids_per_session })
}
