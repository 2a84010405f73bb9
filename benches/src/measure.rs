//! Rounds of two sides in turns, their medians, and the table.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use purlin::BoxError;

/// What all cases go by.
pub(crate) struct Bench {
    pub(crate) rows: u64,
    rounds: usize,
    folder: PathBuf,
}

/// How long one run took and what came out, which is gathered while no clock runs.
pub(crate) type Run<R> = Result<(Duration, R), BoxError>;

impl Bench {
    pub(crate) fn new(rows: u64, rounds: usize) -> Result<Self, BoxError> {
        let folder = std::env::temp_dir().join("purlin-benches");
        std::fs::create_dir_all(&folder)?;
        Ok(Bench { rows, rounds: rounds.max(1), folder })
    }

    /// Where inputs are kept from one invocation to the next.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs both sides in turns and compares what they give. A first round warms the file cache and does not count.
    pub(crate) fn compare<R: PartialEq + Debug>(
        &self,
        case: &'static str,
        elements: u64,
        mut yardstick: impl FnMut() -> Run<R>,
        mut purlin: impl FnMut() -> Run<R>,
    ) -> Result<Row, BoxError> {
        let (mut yardsticks, mut purlins) = (Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            let (yardstick_took, expected) = yardstick()?;
            let (purlin_took, found) = purlin()?;
            if expected != found {
                return Err(format!("case {case}: the yardstick gives {expected:?}, Purlin {found:?}").into());
            }
            if round > 0 {
                yardsticks.push(yardstick_took);
                purlins.push(purlin_took);
            }
        }
        Ok(Row { case, elements, yardstick: median(yardsticks), purlin: median(purlins) })
    }
}

/// The wall time of `work`.
pub(crate) fn timed<R>(work: impl FnOnce() -> Result<R, BoxError>) -> Run<R> {
    let started = Instant::now();
    let result = work()?;
    Ok((started.elapsed(), result))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// One line of the table.
pub(crate) struct Row {
    case: &'static str,
    elements: u64,
    yardstick: Duration,
    purlin: Duration,
}

/// The table, printed as it comes.
pub(crate) struct Table;

impl Table {
    pub(crate) fn begin() -> Self {
        println!("| case | yardstick ms | purlin ms | ratio | ns/element | above the yardstick |");
        println!("|---|---:|---:|---:|---:|---:|");
        Table
    }

    pub(crate) fn add(&mut self, row: Row) {
        let [yardstick, purlin] = [row.yardstick, row.purlin].map(|took| took.as_secs_f64() * 1e3);
        let each = |millis: f64| millis * 1e6 / row.elements as f64;
        println!(
            "| {} | {yardstick:.0} | {purlin:.0} | {:.2} | {:.1} | {:.1} |",
            row.case,
            purlin / yardstick,
            each(purlin),
            each(purlin - yardstick)
        );
    }
}
