//! Query 13, bounded side input: every bid, its `extra` looked up by bidder in a table of 500 rows, `k` → `"k"`, at bidder modulo 500.

use std::collections::HashMap;

use purlin::prelude::*;
use purlin::view::View;

use super::{Bid, Event, bids};

/// How many rows the table has.
pub const ROWS: i64 = 500;

/// The bids with what the table says of their bidders.
pub fn side_input_join(events: PCollection<Event>) -> PCollection<Bid> {
    let table = side_table(&events.pipeline());
    bids(&events).map_with("look up", &table, |bid, table| Bid { extra: row_of(bid.bidder, table), ..bid })
}

/// The table as a view.
pub(super) fn side_table(pipeline: &Pipeline) -> View<HashMap<i64, String>> {
    pipeline.create("table", (0..ROWS).map(|row| (row, row.to_string()))).as_map()
}

/// The bidder's row, which is there: the remainder is never negative.
pub(super) fn row_of(bidder: i64, table: &HashMap<i64, String>) -> String {
    table[&bidder.rem_euclid(ROWS)].clone()
}
