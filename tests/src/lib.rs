//! What the suites share: programs run as a user runs them, brokers, and a sink to watch.

mod broker;
mod cases;
mod live;
pub mod metrics;
mod place;
mod program;
pub mod random;

pub use broker::{Broker, with_broker};
pub use cases::random_cases;
pub use live::Live;
pub use place::Place;
pub use program::{Outcome, Running, Signal, binary};
pub use purlin::testing::{PATIENCE, Runner, ScriptedSource, eventually, within};
