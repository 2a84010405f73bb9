//! Purlin's runners.
#![warn(missing_docs)]

pub mod reference;
