//! State and timers (SEMANTICS §8), point by point, on the batch and the stream runner.

mod cells;
mod job;
