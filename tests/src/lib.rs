//! What the suites share: programs run as a user runs them, brokers, runners, a scripted source, and waiting that ends.

mod broker;
mod cases;
mod live;
pub mod metrics;
mod patience;
mod place;
mod program;
mod runner;
mod scripted;

pub use broker::{Broker, with_broker};
pub use cases::random_cases;
pub use live::Live;
pub use patience::{PATIENCE, eventually, within};
pub use place::Place;
pub use program::{Outcome, Running, binary};
pub use runner::Runner;
pub use scripted::Scripted;
