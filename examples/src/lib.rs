//! What the example programs keep in common with their tests.

pub mod conformance;
