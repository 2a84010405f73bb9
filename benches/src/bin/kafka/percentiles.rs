//! Latencies as their percentiles.

use std::fmt;
use std::time::Duration;

/// Latencies in microseconds, sorted.
pub(crate) struct Percentiles(Vec<u64>);

impl Percentiles {
    pub(crate) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        Percentiles(micros)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// That which so large a part of all do not exceed.
    pub(crate) fn at(&self, part: f64) -> Duration {
        let place = ((self.0.len() as f64 * part).ceil() as usize).clamp(1, self.0.len().max(1)) - 1;
        Duration::from_micros(self.0.get(place).copied().unwrap_or_default())
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = [0.5, 0.9, 0.99, 0.999, 1.0].map(|part| self.at(part).as_secs_f64() * 1e3);
        let [p50, p90, p99, p999, greatest] = millis;
        write!(f, "{p50:.1} | {p90:.1} | {p99:.1} | {p999:.1} | {greatest:.1}")
    }
}
