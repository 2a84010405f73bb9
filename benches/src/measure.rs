//! Rounds of the sides of a case in turns, and their medians.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use purlin::BoxError;

use crate::digest::Digest;
use crate::table::Table;

/// What all cases go by.
pub(crate) struct Bench {
    pub(crate) rows: u64,
    rounds: usize,
    /// Only this side runs.
    pub(crate) alone: Option<Alone>,
    folder: PathBuf,
}

/// A side of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Alone {
    /// The loop by hand.
    Yardstick,
    /// Purlin.
    Purlin,
}

/// How long one run took and what came out, which is gathered while no clock runs.
pub(crate) type Run = Result<(Duration, Digest), BoxError>;

/// One side of a case.
pub(crate) type Side<'a> = &'a mut dyn FnMut() -> Run;

impl Bench {
    pub(crate) fn new(rows: u64, rounds: usize, cpu_time: bool, alone: Option<Alone>) -> Result<Self, BoxError> {
        CPU_TIME.store(cpu_time, Relaxed);
        let folder = std::env::temp_dir().join("purlin-benches");
        std::fs::create_dir_all(&folder)?;
        Ok(Bench { rows, rounds: rounds.max(1), alone, folder })
    }

    /// The same, but with more or fewer rounds.
    pub(crate) fn with_rounds(&self, rounds: usize) -> Bench {
        Bench { rounds, folder: self.folder.clone(), ..*self }
    }

    /// Where inputs are kept from one invocation to the next.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A line of the table: both sides, and Purlin's time per element.
    pub(crate) fn compare(
        &self,
        table: &mut Table,
        case: &str,
        elements: u64,
        mut yardstick: impl FnMut() -> Run,
        mut purlin: impl FnMut() -> Run,
    ) -> Result<(), BoxError> {
        match self.alone {
            Some(Alone::Yardstick) => return self.run_alone(table, case, yardstick),
            Some(Alone::Purlin) => return self.run_alone(table, case, purlin),
            None => {}
        }
        let ([yardstick, purlin], _) = self.in_turns(case, [&mut yardstick, &mut purlin])?;
        table.compared(case, elements, yardstick, purlin);
        Ok(())
    }

    /// A line for one side.
    fn run_alone(&self, table: &mut Table, case: &str, mut side: impl FnMut() -> Run) -> Result<(), BoxError> {
        let ([took], found) = self.in_turns(case, [&mut side])?;
        table.alone(case, took, found);
        Ok(())
    }

    /// The median of each side and what all of them found: a difference in any round is an error. A first round warms
    /// the file cache and does not count.
    pub(crate) fn in_turns<const SIDES: usize>(
        &self,
        case: &str,
        mut sides: [Side<'_>; SIDES],
    ) -> Result<([Duration; SIDES], Digest), BoxError> {
        let mut times = [const { Vec::new() }; SIDES];
        let mut expected = None;
        for round in 0..=self.rounds {
            for (number, (side, times)) in sides.iter_mut().zip(&mut times).enumerate() {
                let (took, found) = side()?;
                let expected = *expected.get_or_insert(found);
                if found != expected {
                    return Err(
                        format!("case {case}: the yardstick gives {expected}, side {number} gives {found}").into()
                    );
                }
                if round > 0 {
                    times.push(took);
                }
            }
        }
        Ok((times.map(median), expected.unwrap_or_default()))
    }
}

/// How long `work` took.
pub(crate) fn timed<R>(work: impl FnOnce() -> Result<R, BoxError>) -> Result<(Duration, R), BoxError> {
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

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
