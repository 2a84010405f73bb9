//! The main job as a user runs it: the program `totals`, on files and on a real broker, batch and stream, against a plain loop
//! over the same orders.
//!
//! `PURLIN_TOTALS_ORDERS` says how many orders the large runs have.

mod expected;
mod files;
mod kills;
mod orders;
mod size;
mod topics;
mod total;
