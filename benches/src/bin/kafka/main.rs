//! Kafka to Kafka: how fast totals are against a loop by hand, what exactly-once costs, and how long one record takes.
//!
//! `PURLIN_KAFKA=host:port cargo run --release -p purlin-benches --features kafka --bin kafka -- [CASES] [OPTIONS]`
//!
//! Topics are made for each run and deleted behind it.

mod latency;
mod load;
#[path = "../../../../examples/totals/orders.rs"]
mod orders;
mod percentiles;
mod throughput;
mod topics;

use clap::{Parser, ValueEnum};
use purlin::BoxError;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Totals from topic to topic, against the loop by hand, and exactly once against at least once.
    Totals,
    /// From a record's being appended to its result's being readable, under an open-loop load.
    Latency,
}

/// Kafka to Kafka.
#[derive(Parser)]
struct Options {
    /// What to measure; everything unless said.
    cases: Vec<Case>,
    /// How many orders are totalled.
    #[arg(long, default_value_t = 4_000_000)]
    orders: u64,
    /// Of how many rounds each figure of the totals is the median.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Records per second of the load.
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// How long the load lasts behind its first three seconds, which do not count.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Milliseconds between two checkpoints where latency is measured exactly once.
    #[arg(long, default_value_t = 20)]
    interval_ms: u64,
}

fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    let servers = std::env::var("PURLIN_KAFKA").map_err(
        |_| "no broker: set PURLIN_KAFKA to its address, host:port (`export \"$(ci/kafka start)\"` starts one)",
    )?;
    let wanted = |case| options.cases.is_empty() || options.cases.contains(&case);
    if wanted(Case::Totals) {
        throughput::table(&servers, options.orders, options.rounds)?;
    }
    if wanted(Case::Latency) {
        latency::table(&servers, options.rate, options.seconds, options.interval_ms)?;
    }
    Ok(())
}
