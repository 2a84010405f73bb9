//! Watermark estimators: how far the event time of a restriction's output has come.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::millis;
use crate::{Element, Timestamp};

/// Watches the timestamps that are emitted, and says what will not be emitted any more. It is kept with the rest of the work.
pub trait WatermarkEstimator: Element {
    /// For work on an element at `at`.
    fn new(at: Timestamp) -> Self;
    /// Something was emitted at this time.
    fn observe(&mut self, at: Timestamp);
    /// Nothing earlier follows. Where it goes back, what it said before counts.
    fn watermark(&self) -> Timestamp;
}

/// Timestamps ascend: the latest is the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monotonic {
    latest: Timestamp,
}

impl WatermarkEstimator for Monotonic {
    fn new(at: Timestamp) -> Self {
        Monotonic { latest: at }
    }

    fn observe(&mut self, at: Timestamp) {
        self.latest = self.latest.max(at);
    }

    fn watermark(&self) -> Timestamp {
        self.latest
    }
}

/// Timestamps are out of order by at most `BY_MS` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundedOutOfOrderness<const BY_MS: u64> {
    first: Timestamp,
    latest: Timestamp,
}

impl<const BY_MS: u64> WatermarkEstimator for BoundedOutOfOrderness<BY_MS> {
    fn new(at: Timestamp) -> Self {
        BoundedOutOfOrderness { first: at, latest: at }
    }

    fn observe(&mut self, at: Timestamp) {
        self.latest = self.latest.max(at);
    }

    fn watermark(&self) -> Timestamp {
        self.latest.saturating_add_millis(-millis(Duration::from_millis(BY_MS))).max(self.first)
    }
}

/// The `DoFn` says it: [`SplitWork::estimator`](super::SplitWork::estimator) and [`set`](Self::set).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    watermark: Timestamp,
}

impl Manual {
    /// Nothing before `watermark` follows.
    pub fn set(&mut self, watermark: Timestamp) {
        self.watermark = self.watermark.max(watermark);
    }
}

impl WatermarkEstimator for Manual {
    fn new(at: Timestamp) -> Self {
        Manual { watermark: at }
    }

    fn observe(&mut self, _: Timestamp) {}

    fn watermark(&self) -> Timestamp {
        self.watermark
    }
}
