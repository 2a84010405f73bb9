//! Metrics of user code: counters, gauges and distributions, readable while the pipeline runs.
//!
//! A handle is made when the pipeline is built and captured by closures or kept in a `DoFn`; an update is one
//! atomic operation. The runner's own metrics (rates, lag, watermarks) are the runner's business.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts up.
///
/// ```
/// use purlin_model::Pipeline;
/// let pipeline = Pipeline::new();
/// let bad_lines = pipeline.counter("bad lines");
/// bad_lines.add(2);
/// assert_eq!(bad_lines.value(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// The sum so far.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Holds the latest value.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// The latest value.
    pub fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Count, sum, least and greatest of the values it is told.
#[derive(Clone, Debug)]
pub struct Distribution(Arc<DistributionCells>);

#[derive(Debug)]
struct DistributionCells {
    count: AtomicU64,
    sum: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
}

impl Distribution {
    /// Takes one value in.
    pub fn update(&self, value: i64) {
        self.0.count.fetch_add(1, Relaxed);
        self.0.sum.fetch_add(value, Relaxed);
        self.0.min.fetch_min(value, Relaxed);
        self.0.max.fetch_max(value, Relaxed);
    }

    /// What it has been told so far.
    pub fn value(&self) -> DistributionValue {
        let count = self.0.count.load(Relaxed);
        let known = |value: &AtomicI64| (count > 0).then(|| value.load(Relaxed));
        DistributionValue { count, sum: self.0.sum.load(Relaxed), min: known(&self.0.min), max: known(&self.0.max) }
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Distribution(Arc::new(DistributionCells {
            count: AtomicU64::new(0),
            sum: AtomicI64::new(0),
            min: AtomicI64::new(i64::MAX),
            max: AtomicI64::new(i64::MIN),
        }))
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
