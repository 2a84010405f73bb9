//! Resolve: host names in, their addresses out, many look-ups at a time.
//!
//! An [`AsyncDoFn`] asks the system's resolver about each name. Slow answers are given up and asked for again, and names without an
//! address are an output of their own.

use std::path::PathBuf;
use std::process::ExitCode;

use purlin::io::text::{JsonLinesSink, TextSource};
use purlin::prelude::*;
use serde::{Deserialize, Serialize};

/// Look up the addresses of host names.
#[derive(clap::Args)]
struct Options {
    /// Host names, one per line.
    #[arg(long, value_name = "PATH")]
    hosts: String,

    /// Where names and their addresses go, as JSON lines.
    #[arg(long, value_name = "PATH")]
    output: PathBuf,

    /// Where names without an address go, with what the resolver says.
    #[arg(long, value_name = "PATH")]
    failed: PathBuf,

    /// How many look-ups there may be at a time, per worker.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    at_a_time: usize,

    /// How often a name is looked up before it has failed.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    attempts: u32,
}

#[derive(Clone, Serialize, Deserialize)]
struct Resolved {
    host: String,
    addresses: Vec<String>,
}

/// Asks the system's resolver.
#[derive(Clone)]
struct Resolve;

impl AsyncDoFn<String> for Resolve {
    type Out = [Resolved; 1];

    async fn process(&self, host: &String) -> Result<[Resolved; 1], BoxError> {
        // The port is of no interest, but the resolver wants one.
        let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
        let mut addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
        addresses.sort();
        addresses.dedup();
        Ok([Resolved { host: host.clone(), addresses }])
    }
}

fn build(options: &Options, pipeline: &Pipeline) -> Result<(), Failure> {
    let calls = AsyncOptions::new()
        .capacity(options.at_a_time)
        .timeout(seconds(10))
        .retry(Retry::exponential(milliseconds(200)).max_attempts(options.attempts));
    let (resolved, failed) = pipeline
        .read("hosts", TextSource::lines(&options.hosts))
        .map("trim", |line| line.trim().to_string())
        .filter("names", |host| !host.is_empty())
        .distinct("each once")
        .try_par_do_async("resolve", Resolve, calls);
    resolved.write("addresses", JsonLinesSink::new(&options.output));
    failed.write("without an address", JsonLinesSink::new(&options.failed));
    Ok(())
}

fn main() -> ExitCode {
    purlin::main(build)
}
