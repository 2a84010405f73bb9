//! Visits per session: 10 million visits of a million users over an hour, from one Parquet file; 30 seconds without a visit end one.

mod by_hand;
mod pipeline;

use std::path::PathBuf;

use purlin::prelude::*;
use serde::{Deserialize, Serialize};

use crate::digest::mixed;
use crate::inputs;
use crate::measure::{Bench, timed};
use crate::table::Table;

const GAP_MS: i64 = 30_000;
const START_MS: i64 = 1_700_000_000_000;
const MINUTES: u64 = 60;
const MINUTE_MS: u64 = 60_000;

#[derive(Clone, Serialize, Deserialize, Row)]
struct Visit {
    user: i64,
    at: Timestamp,
}

/// Each side on all cores; the sessions are counted and summed.
pub(crate) fn run(bench: &Bench, table: &mut Table) -> Result<(), BoxError> {
    let input = input(bench)?;
    let by_hand = || timed(|| by_hand::sessions(&input));
    bench.compare(table, "sessions", bench.rows, by_hand, || timed(|| pipeline::sessions(&input)))
}

/// In each minute one user in twenty is there, and pays three visits or so. Visits come a little out of order.
fn input(bench: &Bench) -> Result<PathBuf, BoxError> {
    let visits = bench.rows;
    let users = (visits / 10).max(1);
    inputs::parquet(bench, "visits", visits, move |n| {
        let random = mixed([n]);
        let time = n * MINUTES * MINUTE_MS / visits;
        let there = random % (users / 20).max(1);
        let behind = (random >> 40) % 5_000;
        Visit {
            user: (mixed([time / MINUTE_MS, there]) % users) as i64,
            at: Timestamp::from_millis(START_MS + time.saturating_sub(behind) as i64),
        }
    })
}

/// What a session adds to the digest.
fn of_session(user: i64, start_ms: i64, end_ms: i64, visits: u64) -> u64 {
    mixed([user as u64, start_ms as u64, end_ms as u64, visits])
}
