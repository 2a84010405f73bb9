//! A pipeline with checkpoints in a simulated world, killed and started again, seed after seed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use purlin_runners::simulation::{Build, Faults, Job, Outcome, Surroundings};

use crate::Pipeline;

/// Checks that a pipeline's output is exactly-once whatever happens around it: `build` builds it, with sources and sinks of the
/// [`Surroundings`] that it is given.
///
/// Each seed is one run of the streaming runner in a simulated world: its tasks take their turns at random, time passes at random, checkpoints are
/// made, requests to the storage and to the sinks' cluster are slow, or lost, or not answered, the process is killed and started again with
/// another parallelism, or is only left for dead and comes back. In the end someone who reads committed output must see exactly what the reference
/// runner writes, each element once.
///
/// A failing seed is named, and so is the least that has to go wrong for it to fail.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::{ScriptedSource, simulate};
///
/// let at = Timestamp::from_millis;
/// simulate(move |pipeline, world| {
///     let visits = (0..40).map(|n| (n % 3, at(n * 100))).collect();
///     pipeline
///         .read("visits", world.source(ScriptedSource::new([visits]).bundles_of(4).moving_watermark(true)))
///         .window(Fixed::of(seconds(1)))
///         .key_by("visitor", |visitor| *visitor)
///         .combine_per_key("count", Count)
///         .write("counts", world.sink("counts"));
/// })
/// .seeds(0..20)
/// .check();
/// ```
pub fn simulate(build: impl Fn(&Pipeline, &Surroundings) + Send + Sync + 'static) -> Simulation {
    Simulation { build: Arc::new(build), seeds: 0..100, faults: Faults::MANY }
}

/// A pipeline to be [simulated](simulate).
pub struct Simulation {
    build: Arc<Build>,
    seeds: Range<u64>,
    faults: Faults,
}

impl Simulation {
    /// Which seeds; the first hundred unless said.
    pub fn seeds(self, seeds: Range<u64>) -> Self {
        Simulation { seeds, ..self }
    }

    /// What may go wrong; [much](Faults::MANY) unless said.
    pub fn faults(self, faults: Faults) -> Self {
        Simulation { faults, ..self }
    }

    /// Runs all seeds.
    ///
    /// # Panics
    /// If the output of one is not that of the reference runner, or one never ends.
    pub fn check(self) {
        if let Err(report) = self.run() {
            panic!("{report}");
        }
    }

    /// Runs all seeds; an error names the first that fails, and what is wrong. What went on otherwise is given.
    pub fn run(self) -> Result<Vec<Outcome>, String> {
        let expected =
            Job::expected(&*self.build).map_err(|failure| format!("the reference runner failed: {failure}"))?;
        let expected = sorted(expected);
        let mut outcomes = Vec::new();
        for seed in self.seeds.clone() {
            match self.one(seed, self.faults, &expected) {
                Ok(outcome) => outcomes.push(outcome),
                Err(reason) => {
                    let (least, reason) = self.least(seed, reason, &expected);
                    return Err(format!("seed {seed} fails, and still does with no more than {least:?}: {reason}"));
                }
            }
        }
        Ok(outcomes)
    }

    fn one(&self, seed: u64, faults: Faults, expected: &Written) -> Result<Outcome, String> {
        let mut outcome = Job::new(self.build.clone(), seed, faults).run()?;
        let written = sorted(std::mem::take(&mut outcome.written));
        for (sink, wanted) in expected {
            let found = written.get(sink).map(Vec::as_slice).unwrap_or_default();
            if found != wanted.as_slice() {
                return Err(difference(sink, wanted, found));
            }
        }
        Ok(outcome)
    }

    /// The same seed with less and less going wrong, as long as it fails.
    fn least(&self, seed: u64, mut reason: String, expected: &Written) -> (Faults, String) {
        let lessers: [fn(&mut Faults); 6] = [
            |faults| faults.zombies = 0,
            |faults| faults.kills = 0,
            |faults| faults.lost_replies = 0,
            |faults| faults.lost_requests = 0,
            |faults| faults.slowness = std::time::Duration::ZERO,
            |faults| faults.kills = faults.kills.min(1),
        ];
        let mut least = self.faults;
        for lesser in lessers {
            let mut faults = least;
            lesser(&mut faults);
            if faults != least
                && let Err(still) = self.one(seed, faults, expected)
            {
                (least, reason) = (faults, still);
            }
        }
        (least, reason)
    }
}

type Written = BTreeMap<String, Vec<Vec<u8>>>;

fn sorted(mut written: Written) -> Written {
    written.values_mut().for_each(|elements| elements.sort());
    written
}

/// What is missing and what is too much, of two sorted lists.
fn difference(sink: &str, wanted: &[Vec<u8>], found: &[Vec<u8>]) -> String {
    let mut counts: BTreeMap<&[u8], i64> = BTreeMap::new();
    wanted.iter().for_each(|element| *counts.entry(element).or_default() -= 1);
    found.iter().for_each(|element| *counts.entry(element).or_default() += 1);
    let missing: i64 = counts.values().filter(|count| **count < 0).map(|count| -count).sum();
    let surplus: i64 = counts.values().filter(|count| **count > 0).sum();
    let example =
        counts.iter().find(|(_, count)| **count != 0).map(|(element, count)| format!("{element:?}: {count:+}"));
    format!(
        "`{sink}` holds {} elements instead of {}: {missing} are missing, {surplus} are too many (for example {})",
        found.len(),
        wanted.len(),
        example.unwrap_or_default()
    )
}
