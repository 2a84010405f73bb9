//! Splittable work: split before the start, interrupted and gone on with, its watermark where the estimator stands, drained and truncated.

mod bounded;
mod numbers;
mod unbounded;
