//! Orders as JSON on one topic become totals as JSON on another.
//!
//! 10,000 customers, one hour, windows of a minute. The loop by hand and the stream runner read the same topic; each round's results are read
//! back and compared. The same job with checkpoints every second then runs at least once and exactly once, in turns.

mod by_hand;
#[path = "../../../../../examples/totals/generate.rs"]
mod generate;
mod pipeline;

use std::time::{Duration, Instant};

use purlin::BoxError;
use purlin::runners::Guarantee;
use purlin_benches::digest::Digest;

use crate::topics::Topic;
use generate::SampleOrders;

const CUSTOMERS: u64 = 10_000;
const WINDOW_MS: i64 = 60_000;

/// Prints both comparisons.
pub(crate) fn table(servers: &str, orders: u64, rounds: usize) -> Result<(), BoxError> {
    let input = Topic::make(servers, "orders")?;
    pipeline::fill(servers, &input.name, SampleOrders { count: orders, customers: CUSTOMERS, seed: 1 })?;
    println!("| {orders} orders | yardstick ms | ms | ratio |\n|---|---:|---:|---:|");
    let by_hand = |output: &str| by_hand::run(servers, &input.name, output);
    let purlin = |output: &str| pipeline::run(servers, &input.name, output);
    compare("Purlin to the loop by hand", servers, rounds, &by_hand, &purlin)?;
    let at_least = |output: &str| pipeline::run_with_checkpoints(servers, &input.name, output, Guarantee::AtLeastOnce);
    let exactly = |output: &str| pipeline::run_with_checkpoints(servers, &input.name, output, Guarantee::ExactlyOnce);
    compare("exactly once to at least once", servers, rounds, &at_least, &exactly)
}

type Side<'a> = &'a dyn Fn(&str) -> Result<(), BoxError>;

/// A line: medians of rounds in turns, behind one that does not count.
fn compare(what: &str, servers: &str, rounds: usize, first: Side<'_>, second: Side<'_>) -> Result<(), BoxError> {
    let mut times = [Vec::new(), Vec::new()];
    let mut expected = None;
    for round in 0..=rounds {
        for (side, times) in [first, second].into_iter().zip(&mut times) {
            let output = Topic::make(servers, "totals")?;
            let started = Instant::now();
            side(&output.name)?;
            let took = started.elapsed();
            let found = pipeline::digest(servers, &output.name)?;
            let expected = *expected.get_or_insert(found);
            if found != expected || found == Digest::default() {
                return Err(format!("{what}: one run gives {expected}, another {found}").into());
            }
            if round > 0 {
                times.push(took);
            }
        }
    }
    let [first, second] = times.map(median).map(|took| took.as_secs_f64() * 1e3);
    println!("| {what} | {first:.0} | {second:.0} | {:.2} |", second / first);
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
