//! Random pipelines over random input, whose output does not depend on the order in which anything comes (SEMANTICS §12, law 1).

mod input;
mod pipelines;
mod window_fns;

pub use input::{Input, input};
pub use pipelines::{Pair, Recipe, Seen, recipe};
