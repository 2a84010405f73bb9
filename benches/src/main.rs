//! How fast Purlin is, against loops written by hand.
//!
//! `cargo run --release -p purlin-benches -- [CASE ...] [--rows N]` prints a table: for each case the time of the yardstick, Purlin's,
//! their ratio, and Purlin's time per element. Times are medians of rounds that alternate between the two sides, so that the
//! machine's moods fall on both; each round's results are compared, and a difference is an error. `docs/benchmarks.md` says more.

#[path = "../../examples/totals/generate.rs"]
mod generate;
mod inputs;
mod join;
mod maps;
mod measure;
#[path = "../../examples/totals/orders.rs"]
mod orders;
mod row_groups;
mod sessions;
mod sliding;
mod strings;
mod table;
mod totals;
mod wordcount;

use std::process::ExitCode;

use clap::Parser;
use purlin::BoxError;
// The cases find these at the crate's root.
use purlin_benches::{digest, numbers};

use measure::{Alone, Bench};
use table::Table;

/// Both sides of a case have it, as the example programs do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Purlin against loops written by hand.
#[derive(Parser)]
struct Options {
    /// Which cases; all, unless said.
    #[arg(value_name = "CASE", value_parser = CASES.map(|(name, _)| name))]
    cases: Vec<String>,

    /// How many orders the cases about totals read; others scale along.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    rows: u64,

    /// How many times each side of a case runs; the median counts.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,

    /// Counts CPU time of all threads instead of wall time: for a machine that does other work too, and not for `scaling`. Linux only.
    #[arg(long)]
    cpu: bool,

    /// Runs one side alone and prints a line for each case: its name, milliseconds, rows and sum of what was found.
    #[arg(long, value_name = "SIDE")]
    alone: Option<Alone>,
}

type Case = fn(&Bench, &mut Table) -> Result<(), BoxError>;

const CASES: [(&str, Case); 13] = [
    ("totals", totals::with_output),
    ("totals-unwritten", totals::without_output),
    ("maps", maps::run),
    ("wordcount", wordcount::run),
    ("strings", strings::run),
    ("strings-short", strings::run_short),
    ("join", join::run),
    ("join-by-map", join::run_by_map),
    ("sliding", sliding::run),
    ("sessions", sessions::run),
    ("stream-totals", totals::on_both_runners),
    ("scaling", totals::scaling),
    ("start", wordcount::start::run),
];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), BoxError> {
    let bench = Bench::new(options.rows, options.rounds, options.cpu, options.alone)?;
    let mut table = Table::begin(options.alone.is_some());
    let wanted = |name: &str| options.cases.is_empty() || options.cases.iter().any(|case| case == name);
    for (_, case) in CASES.iter().filter(|(name, _)| wanted(name)) {
        case(&bench, &mut table)?;
    }
    Ok(())
}
