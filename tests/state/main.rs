//! State and timers (SEMANTICS §8), point by point, on the batch and the stream runner.

mod agreement;
mod cells;
mod commands;
mod composites;
mod counter;
mod job;
mod laws;
mod lifecycle;
mod lifetimes;
mod live;
mod random;
mod side_inputs;
mod timers;
mod windows;
