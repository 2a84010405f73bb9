//! Jobs that are stopped and go on: from where, with what, onto which changed pipelines; and what is refused.

mod changed;
mod damaged;
mod draining;
mod full;
mod job;
mod log;
mod offsets;
mod resuming;
mod small_disk;
mod superseded;
mod transactions;
