//! Metrics of user code: counters, gauges and distributions, readable while the pipeline runs.
//!
//! A handle is made when the pipeline is built and captured by closures or kept in a `DoFn`; an update is one
//! atomic operation. A value is that of all work that was attempted; beside it stands the value when output was last committed, which a run
//! that fails never reaches. The runner's own metrics (rates, lag, watermarks) are the runner's business.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A value that is updated while work is attempted, and one that stands once its output is committed.
#[derive(Debug, Default)]
struct Cells<T> {
    attempted: T,
    committed: T,
}

/// Counts up.
///
/// ```
/// use purlin_model::Pipeline;
/// let pipeline = Pipeline::new();
/// let bad_lines = pipeline.counter("bad lines");
/// bad_lines.add(2);
/// assert_eq!((bad_lines.value(), bad_lines.committed()), (2, 0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Cells<AtomicU64>>);

impl Counter {
    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.attempted.fetch_add(n, Relaxed);
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// The sum so far, work included whose output is not visible and may never be: what was attempted.
    pub fn value(&self) -> u64 {
        self.0.attempted.load(Relaxed)
    }

    /// The sum when output was last committed; 0 before that, and for a run that failed.
    pub fn committed(&self) -> u64 {
        self.0.committed.load(Relaxed)
    }

    fn commit(&self) {
        self.0.committed.store(self.value(), Relaxed);
    }
}

/// Holds the latest value.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Cells<AtomicI64>>);

impl Gauge {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.attempted.store(value, Relaxed);
    }

    /// Adds to the value: for a sum of what several workers hold.
    #[inline]
    pub fn add(&self, n: i64) {
        self.0.attempted.fetch_add(n, Relaxed);
    }

    /// The latest value.
    pub fn value(&self) -> i64 {
        self.0.attempted.load(Relaxed)
    }

    /// The value when output was last committed; 0 before that.
    pub fn committed(&self) -> i64 {
        self.0.committed.load(Relaxed)
    }

    fn commit(&self) {
        self.0.committed.store(self.value(), Relaxed);
    }
}

/// Count, sum, least and greatest of the values it is told.
#[derive(Clone, Debug, Default)]
pub struct Distribution(Arc<Cells<Values>>);

#[derive(Debug)]
struct Values {
    count: AtomicU64,
    sum: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
}

impl Distribution {
    /// Takes one value in.
    pub fn update(&self, value: i64) {
        let values = &self.0.attempted;
        values.count.fetch_add(1, Relaxed);
        values.sum.fetch_add(value, Relaxed);
        values.min.fetch_min(value, Relaxed);
        values.max.fetch_max(value, Relaxed);
    }

    /// What it has been told so far.
    pub fn value(&self) -> DistributionValue {
        self.0.attempted.read()
    }

    /// What it had been told when output was last committed; nothing before that.
    pub fn committed(&self) -> DistributionValue {
        self.0.committed.read()
    }

    fn commit(&self) {
        let Cells { attempted, committed } = &*self.0;
        committed.count.store(attempted.count.load(Relaxed), Relaxed);
        for (from, to) in
            [(&attempted.sum, &committed.sum), (&attempted.min, &committed.min), (&attempted.max, &committed.max)]
        {
            to.store(from.load(Relaxed), Relaxed);
        }
    }
}

impl Values {
    fn read(&self) -> DistributionValue {
        let count = self.count.load(Relaxed);
        let known = |value: &AtomicI64| (count > 0).then(|| value.load(Relaxed));
        DistributionValue { count, sum: self.sum.load(Relaxed), min: known(&self.min), max: known(&self.max) }
    }
}

impl Default for Values {
    fn default() -> Self {
        Values {
            count: AtomicU64::new(0),
            sum: AtomicI64::new(0),
            min: AtomicI64::new(i64::MAX),
            max: AtomicI64::new(i64::MIN),
        }
    }
}

/// A reading of a [`Distribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistributionValue {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: i64,
    /// The least, if there were any.
    pub min: Option<i64>,
    /// The greatest, if there were any.
    pub max: Option<i64>,
}

/// The metrics of one pipeline, by name. A name has one kind; asking for it again gives the same cell.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<String, Metric>>>);

/// One metric.
#[derive(Clone, Debug)]
pub enum Metric {
    /// A counter.
    Counter(Counter),
    /// A gauge.
    Gauge(Gauge),
    /// A distribution.
    Distribution(Distribution),
}

impl Metrics {
    /// The counter of this name. If the name already has another kind, a handle that nobody reads.
    pub fn counter(&self, name: &str) -> Counter {
        match self.cell(name, || Metric::Counter(Counter::default())) {
            Metric::Counter(counter) => counter,
            _ => Counter::default(),
        }
    }

    /// The gauge of this name. If the name already has another kind, a handle that nobody reads.
    pub fn gauge(&self, name: &str) -> Gauge {
        match self.cell(name, || Metric::Gauge(Gauge::default())) {
            Metric::Gauge(gauge) => gauge,
            _ => Gauge::default(),
        }
    }

    /// The distribution of this name. If the name already has another kind, a handle that nobody reads.
    pub fn distribution(&self, name: &str) -> Distribution {
        match self.cell(name, || Metric::Distribution(Distribution::default())) {
            Metric::Distribution(distribution) => distribution,
            _ => Distribution::default(),
        }
    }

    /// The output of all work so far is committed: for runners, which know when.
    pub fn commit(&self) {
        for (_, metric) in self.all() {
            match metric {
                Metric::Counter(counter) => counter.commit(),
                Metric::Gauge(gauge) => gauge.commit(),
                Metric::Distribution(distribution) => distribution.commit(),
            }
        }
    }

    /// All metrics, in the order of their names.
    pub fn all(&self) -> Vec<(String, Metric)> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.iter().map(|(name, metric)| (name.clone(), metric.clone())).collect()
    }

    fn cell(&self, name: &str, new: impl FnOnce() -> Metric) -> Metric {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.entry(name.to_string()).or_insert_with(new).clone()
    }
}
