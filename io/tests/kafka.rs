//! Kafka against brokers: the mock one inside the process, and a real one at `PURLIN_KAFKA` (`export "$(ci/kafka start)"`).
//!
//! Without `PURLIN_KAFKA` the tests that need it say so and pass, except on CI, where they fail. Those that kill a broker start
//! one of their own for that.

#[path = "kafka/exactly_once.rs"]
mod exactly_once;
#[path = "kafka/faults.rs"]
mod faults;
#[path = "kafka/misuse.rs"]
mod misuse;
#[path = "kafka/own_broker.rs"]
mod own_broker;
#[path = "kafka/reading.rs"]
mod reading;
#[path = "kafka/resuming.rs"]
mod resuming;
#[path = "kafka/secrecy.rs"]
mod secrecy;
#[path = "kafka/support.rs"]
mod support;
#[path = "kafka/transactions.rs"]
mod transactions;
#[path = "kafka/writing.rs"]
mod writing;
