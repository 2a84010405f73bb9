//! Rounds of two sides in turns, their medians, and the table.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
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
    pub(crate) fn new(rows: u64, rounds: usize, cpu_time: bool) -> Result<Self, BoxError> {
        CPU_TIME.store(cpu_time, Relaxed);
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

/// How long `work` took.
pub(crate) fn timed<R>(work: impl FnOnce() -> Result<R, BoxError>) -> Run<R> {
    if CPU_TIME.load(Relaxed) {
        let before = cpu_time()?;
        let result = work()?;
        return Ok((cpu_time()? - before, result));
    }
    let started = Instant::now();
    let result = work()?;
    Ok((started.elapsed(), result))
}

/// Whether CPU time counts, of all threads, instead of wall time.
static CPU_TIME: AtomicBool = AtomicBool::new(false);

/// What this process has used so far, to 10 ms: Linux counts in hundredths of a second.
fn cpu_time() -> Result<Duration, BoxError> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name comes second, in parentheses, and may hold spaces; user and system time are fields 14 and 15.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<u64> = after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
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
