//! The stream runner over time: what comes when, what waits, what is dropped, and how it is stopped.
//!
//! Inputs are channels fed by hand; nothing depends on how fast anything is, save that what is due comes before patience ends.

mod back_pressure;
mod fanout;
mod idle;
mod job;
mod late;
mod processing_time;
mod several;
mod side_inputs;
mod slowly_changing;
mod stopping;
mod wait_on;
mod windows;
