//! The Nexmark queries: against the results of Beam's own query models, against plain loops over the events, and on every runner.

mod by_hand;
mod given;
mod outcome;
mod program;
mod random;
mod winners;
