//! A pipeline with checkpoints in a simulated world, killed and started again, seed after seed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use purlin_model::coder::{Coder, Postcard};
use purlin_runners::simulation::{Build, Faults, Job, Outcome, Surroundings};

use crate::{Element, Pipeline};

/// Checks that a pipeline's output is exactly-once whatever happens around it: `build` builds it, with sources and sinks of the
/// [`Surroundings`] that it is given.
///
/// Each seed is one run of the streaming runner in a simulated world: its tasks take their turns at random, time passes at random, checkpoints are
/// made, requests to the storage and to the sinks' cluster are slow, or lost, or not answered, or carried out much later, sources are silent,
/// topics are cut by retention, clocks are set, the process is stopped or killed and started again with another parallelism, or is only left for dead and comes back. In
/// the end someone who reads committed output must see exactly what the reference runner writes, each element once.
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
    Simulation { build: Arc::new(build), seeds: 0..100, faults: Faults::MANY, orders: Vec::new() }
}

/// The key of an encoded element, itself encoded.
type KeyOf = dyn Fn(&[u8]) -> Result<Vec<u8>, String> + Send + Sync;

/// A pipeline to be [simulated](simulate).
pub struct Simulation {
    build: Arc<Build>,
    seeds: Range<u64>,
    faults: Faults,
    orders: Vec<(String, Box<KeyOf>)>,
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

    /// Has the order looked at, too: what `sink` holds of each key has to be in the reference runner's order. For pipelines in which a key's
    /// elements come from one split, and nothing on the way puts them in another order.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::{ScriptedSource, simulate};
    ///
    /// simulate(|pipeline, world| {
    ///     let walks = (0..2_u32).map(|walker| (0..30_u32).map(|n| ((walker, n), Timestamp::MIN)).collect());
    ///     let steps = ScriptedSource::new(walks).bundles_of(4);
    ///     pipeline.read("steps", world.source(steps)).write("steps again", world.sink("steps"));
    /// })
    /// .seeds(0..10)
    /// .in_order("steps", |(walker, _): &(u32, u32)| *walker)
    /// .check();
    /// ```
    pub fn in_order<T: Element, K: Element>(
        mut self,
        sink: &str,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Self {
        let key_of = move |mut element: &[u8]| {
            let element: T = Postcard.decode(&mut element).map_err(|error| error.to_string())?;
            let mut encoded = Vec::new();
            Postcard.encode(&key(&element), &mut encoded).map_err(|error| error.to_string())?;
            Ok(encoded)
        };
        self.orders.push((sink.into(), Box::new(key_of)));
        self
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
        let expected = Expected { orders: self.in_orders(&expected)?, written: sorted(expected) };
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

    /// Runs all seeds, each of them drained at some moment, and gives what was written. It is not compared: what was read by then is up to the
    /// seed. Whether the sinks agree with one another is for the caller to see.
    pub fn drain(self) -> Result<Vec<Outcome>, String> {
        let job = |seed| Job::new(self.build.clone(), seed, self.faults).drained();
        self.seeds.map(|seed| job(seed).run().map_err(|reason| format!("seed {seed} fails: {reason}"))).collect()
    }

    /// Runs all seeds, in each of which some file of some snapshot rots. A job that needs it must refuse to go on, and what it has written by
    /// then must be part of what the reference runner writes, each element once.
    pub fn rot(self) -> Result<Vec<Outcome>, String> {
        self.or_refused(Job::rotting)
    }

    /// Runs all seeds, in each of which somebody tampers with what the job goes on from: moves an offset of its consumer group, lets retention remove
    /// records that it has not read, or puts a topic's mirror on another cluster, where the offsets are others, in the topic's place. A job that is affected
    /// must refuse to go on, and what it has written by then must be part of what the reference runner writes, each element once.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::{ScriptedSource, simulate};
    ///
    /// let outcomes = simulate(|pipeline, world| {
    ///     let orders = (0..2).map(|split| (0..30).map(|n| (n * 2 + split, Timestamp::MIN)).collect());
    ///     pipeline.read("orders", world.source(ScriptedSource::new(orders).bundles_of(3))).write("copied", world.sink("copied"));
    /// })
    /// .seeds(0..40)
    /// .tamper();
    /// assert!(outcomes.unwrap().iter().any(|outcome| outcome.refused.is_some()));
    /// ```
    pub fn tamper(self) -> Result<Vec<Outcome>, String> {
        self.or_refused(Job::tampered)
    }

    /// Runs all seeds; each has to end with what the reference runner writes, or to be refused with part of it.
    fn or_refused(self, with_trouble: fn(Job) -> Job) -> Result<Vec<Outcome>, String> {
        let expected =
            Job::expected(&*self.build).map_err(|failure| format!("the reference runner failed: {failure}"))?;
        let job = |seed| with_trouble(Job::new(self.build.clone(), seed, self.faults));
        let one = |seed| {
            let outcome = job(seed).run()?;
            for (sink, wanted) in &expected {
                let found = outcome.written.get(sink).map(Vec::as_slice).unwrap_or_default();
                let counts = counts(wanted, found);
                let is_whole = outcome.refused.is_some() || counts.values().all(|count| *count == 0);
                if !is_whole || counts.values().any(|count| *count > 0) {
                    return Err(difference(sink, wanted, found));
                }
            }
            Ok(outcome)
        };
        self.seeds.clone().map(|seed| one(seed).map_err(|reason| format!("seed {seed} fails: {reason}"))).collect()
    }

    fn one(&self, seed: u64, faults: Faults, expected: &Expected) -> Result<Outcome, String> {
        let mut outcome = Job::new(self.build.clone(), seed, faults).run()?;
        let written = std::mem::take(&mut outcome.written);
        let orders = self.in_orders(&written)?;
        let written = sorted(written);
        for (sink, wanted) in &expected.written {
            let found = written.get(sink).map(Vec::as_slice).unwrap_or_default();
            if found != wanted.as_slice() {
                return Err(difference(sink, wanted, found));
            }
        }
        match self.orders.iter().zip(orders.iter().zip(&expected.orders)).find(|(_, (found, wanted))| found != wanted) {
            Some(((sink, _), _)) => Err(format!("`{sink}` holds what it should, but for some key in another order")),
            None => Ok(outcome),
        }
    }

    /// What the sinks hold whose order matters, by key.
    fn in_orders(&self, written: &Written) -> Result<Vec<Written<Vec<u8>>>, String> {
        let by_key = |(sink, key_of): &(String, Box<KeyOf>)| {
            let mut by_key = BTreeMap::new();
            for element in written.get(sink).into_iter().flatten() {
                let elements: &mut Vec<_> = by_key.entry(key_of(element)?).or_default();
                elements.push(element.clone());
            }
            Ok(by_key)
        };
        self.orders.iter().map(by_key).collect()
    }

    /// The same seed with less and less going wrong, as long as it fails.
    fn least(&self, seed: u64, mut reason: String, expected: &Expected) -> (Faults, String) {
        let lessers: [fn(&mut Faults); 12] = [
            |faults| faults.clock_jumps = 0,
            |faults| faults.cuts = 0,
            |faults| faults.zombies = 0,
            |faults| faults.kills = 0,
            |faults| faults.stops = 0,
            |faults| faults.torn_writes = 0,
            |faults| faults.late_writes = 0,
            |faults| faults.lost_replies = 0,
            |faults| faults.lost_requests = 0,
            |faults| faults.silence = std::time::Duration::ZERO,
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

/// Encoded elements by sink, or by key.
type Written<K = String> = BTreeMap<K, Vec<Vec<u8>>>;

/// What the reference runner writes.
struct Expected {
    /// By sink, sorted.
    written: Written,
    /// By key, of each sink whose order matters.
    orders: Vec<Written<Vec<u8>>>,
}

fn sorted(mut written: Written) -> Written {
    written.values_mut().for_each(|elements| elements.sort());
    written
}

/// How often each element is there beyond how often it should be.
fn counts<'a>(wanted: &'a [Vec<u8>], found: &'a [Vec<u8>]) -> BTreeMap<&'a [u8], i64> {
    let mut counts: BTreeMap<&[u8], i64> = BTreeMap::new();
    wanted.iter().for_each(|element| *counts.entry(element).or_default() -= 1);
    found.iter().for_each(|element| *counts.entry(element).or_default() += 1);
    counts
}

/// What is missing and what is too much.
fn difference(sink: &str, wanted: &[Vec<u8>], found: &[Vec<u8>]) -> String {
    let counts = counts(wanted, found);
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
