//! What the programs here share: numbers to read, and digests of what comes out.

pub mod digest;
pub mod numbers;
