//! Query 12, processing-time windows: how many bids a person made in each 10 seconds of processing time, counted from the first of them.
//!
//! Time passes as the machine's clock says, so how the counts are cut differs from run to run; their sums do not.

use purlin::prelude::*;

use super::q11::BidsPerSession;
use super::{Event, bids};

/// Bids per bidder and span of processing time.
pub fn processing_time_windows(events: PCollection<Event>) -> PCollection<BidsPerSession> {
    let every_10_seconds = Trigger::after_processing_time(seconds(10)).repeatedly();
    bids(&events)
        .window(Global.with().trigger(every_10_seconds).allowed_lateness(seconds(0)).discarding())
        .map("bidder", |bid| (bid.bidder, ()))
        .combine_per_key("count", Count)
        .map("span", |(person_id, bids_per_session)| BidsPerSession { person_id, bids_per_session })
}
