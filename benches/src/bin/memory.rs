//! Grouping more than a memory limit allows: how long it takes, and how much memory it takes at most.
//!
//! `cargo run --release -p purlin-benches --bin memory -- [LIMIT_MB]` groups pairs of numbers by key in programs of their own, of five and of ten times
//! the limit (256 MB unless said), and prints a line for each. Every result is compared with that of a loop.

use std::env::{args, current_exe};
use std::fs;
use std::process::Command;
use std::time::Instant;

use purlin::prelude::*;
use purlin_benches::digest::{Digest, DigestSink, mixed};
use purlin_benches::numbers::Numbers;

const PAIR_BYTES: u64 = size_of::<(u64, u64)>() as u64;
/// Each key comes so often, far apart.
const PAIRS_PER_KEY: u64 = 16;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<u64> = args().skip(1).map(|argument| argument.parse()).collect::<Result<_, _>>()?;
    if let [limit_mb, pairs] = arguments[..] {
        return group(limit_mb << 20, pairs);
    }
    let limit_mb = arguments.first().copied().unwrap_or(256);
    println!("| input MB | limit MB | peak MB | peak / limit | ms | ns/pair |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for times in [5, 10] {
        let pairs = times * (limit_mb << 20) / PAIR_BYTES;
        let program = Command::new(current_exe()?).args([limit_mb, pairs].map(|n| n.to_string())).output()?;
        if !program.status.success() {
            return Err(String::from_utf8_lossy(&program.stderr).into());
        }
        print!("| {} {}", times * limit_mb, String::from_utf8_lossy(&program.stdout));
    }
    Ok(())
}

/// One run; what it prints is the rest of a line.
fn group(limit: u64, pairs: u64) -> Result<(), BoxError> {
    let keys = (pairs / PAIRS_PER_KEY).max(1);
    let pipeline = Pipeline::new();
    let found = DigestSink::new(|(key, count, sum): &(u64, u64, u64)| mixed([*key, *count, *sum]));
    pipeline
        .read("numbers", Numbers { below: pairs })
        .map("pair", move |n| (key(n, keys), n))
        .group_by_key("group")
        .map("measure", |(key, values)| (key, values.len() as u64, values.iter().sum()))
        .write("groups", found.sink());
    let began = Instant::now();
    BatchRunner::new().memory_limit(Some(limit as usize)).run(&pipeline.graph()?)?;
    let took = began.elapsed();
    let peak_mb = peak_mb()?;
    // So late that its table is not in the peak.
    let expected = by_hand(pairs, keys);
    if found.take() != expected {
        return Err(format!("the loop gives {expected}").into());
    }
    let (limit_mb, ms) = (limit >> 20, took.as_millis());
    let [of_limit, each] = [peak_mb as f64 / limit_mb as f64, took.as_secs_f64() * 1e9 / pairs as f64];
    println!("| {limit_mb} | {peak_mb} | {of_limit:.2} | {ms} | {each:.0} |");
    Ok(())
}

/// Spread, but each as often as any other.
fn key(n: u64, keys: u64) -> u64 {
    mixed([n % keys])
}

fn by_hand(pairs: u64, keys: u64) -> Digest {
    let of_key = |first: u64| {
        let values = (first..pairs).step_by(keys as usize);
        mixed([key(first, keys), values.clone().count() as u64, values.sum()])
    };
    (0..keys.min(pairs)).map(of_key).collect()
}

/// The most memory that this program has had at once. Linux only.
fn peak_mb() -> Result<u64, BoxError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("there is no VmHWM in /proc/self/status")?;
    let kilobytes = line.trim().trim_end_matches("kB").trim();
    Ok(kilobytes.parse::<u64>()? / 1024)
}
