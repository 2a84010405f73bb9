//! Query 14, side input over sessions: bids by bidder in sessions with a gap of 10 minutes, each bid's `extra` the bidder's row of query 13's
//! table and the session's bounds, `ROW:START:END`.

use purlin::prelude::*;

use super::q13::{row_of, side_table};
use super::{Bid, Event, bids};

/// The bids with what the table says of their bidders, and their sessions.
pub fn session_side_input_join(events: PCollection<Event>) -> PCollection<Bid> {
    let table = side_table(&events.pipeline());
    bids(&events)
        .window(Sessions::of(minutes(10)))
        .key_by("bidder", |bid| bid.bidder)
        .group_by_key("session")
        .map_in("bounds", |(bidder, bids), at| (bidder, (instant(at.window.start), instant(at.window.end)), bids))
        .flat_map_with("look up", &table, |(bidder, (start, end), bids), table| {
            let extra = format!("{}:{start}:{end}", row_of(bidder, table));
            bids.into_iter().map(move |bid| Bid { extra: extra.clone(), ..bid })
        })
}

/// RFC 3339 with milliseconds even where there are none, as Java writes an instant.
fn instant(at: Timestamp) -> String {
    let millis = at.millis().rem_euclid(1000);
    let whole = at.saturating_add_millis(-millis).to_string();
    format!("{}.{millis:03}Z", whole.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use purlin::Timestamp;

    #[test]
    fn instants_have_milliseconds() {
        let check = |millis, text| assert_eq!(super::instant(Timestamp::from_millis(millis)), text);
        check(1_436_918_400_000, "2015-07-15T00:00:00.000Z");
        check(1_436_918_400_007, "2015-07-15T00:00:00.007Z");
        check(-1, "1969-12-31T23:59:59.999Z");
    }
}
