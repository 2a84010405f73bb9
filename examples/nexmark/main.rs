//! The `nexmark` program: one query of the suite over a file of events, or over generated ones, on any runner.
//!
//! `nexmark --runner stream --query 5 --events events.jsonl --output hot.jsonl`
//!
//! To measure: `nexmark --runner stream --query 5 --generate 10000000 --rate 10000000 --count`

mod counted;
mod options;

use std::process::ExitCode;

use purlin::prelude::*;
use purlin_examples::nexmark::*;

use options::Options;

/// Events are full of text, which one task makes and another drops.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn build(options: &Options, pipeline: &Pipeline) -> Result<(), Failure> {
    options.check()?;
    let events = pipeline.read("events", options.events());
    match options.query {
        0 => events.apply("q0", q0::pass_through).write("results", options.results()),
        1 => events.apply("q1", q1::currency_conversion).write("results", options.results()),
        2 => events.apply("q2", q2::selection).write("results", options.results()),
        3 => events.apply("q3", q3::local_items).write("results", options.results()),
        4 => events.apply("q4", q4::average_price_per_category).write("results", options.results()),
        5 => events.apply("q5", q5::hot_items).write("results", options.results()),
        6 => events.apply("q6", q6::average_price_per_seller).write("results", options.results()),
        7 => events.apply("q7", q7::highest_bid).write("results", options.results()),
        8 => events.apply("q8", q8::new_users).write("results", options.results()),
        9 => events.apply("q9", q9::winning_bids).write("results", options.results()),
        10 => events.apply("q10", q10::spread_bids).write("shards", options.shards()),
        11 => events.apply("q11", q11::user_sessions).write("results", options.results()),
        12 => events.apply("q12", q12::processing_time_windows).write("results", options.results()),
        13 => events.apply("q13", q13::side_input_join).write("results", options.results()),
        14 => events.apply("q14", q14::session_side_input_join).write("results", options.results()),
        other => return Err(Failure::Options(format!("there is no query {other}: choose one from 0 to 14"))),
    }
    Ok(())
}

fn main() -> ExitCode {
    purlin::main(build)
}
