//! Apache Kafka: topics as sources and sinks, through librdkafka.
//!
//! - [`KafkaSource`] reads every partition of its topics. There is no consumer group: partitions are assigned, positions are the pipeline's
//!   own ([`KafkaSplit`]). Offsets that exactly-once output commits along are for monitoring tools; a job only looks whether somebody has moved them.
//! - [`KafkaSink`] writes a topic with an idempotent producer: what is acknowledged is there once and in order.
//! - [`KafkaCluster`] is what an exactly-once job needs of the sink's cluster: transactions, and a topic for its progress.
//! - [`Decoder`] and [`Encoder`] are where a user's own formats go in; JSON and plain bytes are built in.
//! - [`admin`] makes topics; [`mock`] is a broker inside the process, for demos and tests.
//!
//! Both sides run on a tokio runtime with its timer enabled. Settings of librdkafka pass through `.set(name, value)`;
//! values that may be secrets appear in no description, message or log line.
//!
//! ```
//! use purlin_io::kafka::{KafkaSink, KafkaSource, mock::MockBroker};
//! # use serde::{Serialize, Deserialize};
//! # #[derive(Clone, Serialize, Deserialize)] struct Order { customer: i64, at: purlin_model::Timestamp }
//! let broker = MockBroker::start(&[("orders", 4), ("late", 1)])?;
//! let source = KafkaSource::new(broker.bootstrap_servers(), ["orders"])
//!     .json::<Order>()
//!     .event_time(|order| order.at)
//!     .out_of_orderness(purlin_model::seconds(10));
//! let sink = KafkaSink::new(broker.bootstrap_servers(), "late")
//!     .json::<Order>()
//!     .key(|order| order.customer.to_be_bytes().to_vec());
//! # drop((source, sink));
//! # Ok::<(), purlin_model::BoxError>(())
//! ```

pub mod admin;
pub mod mock;

mod client;
mod cluster;
mod decode;
mod encode;
mod error;
mod health;
mod nearest;
mod record;
mod secrets;
mod settings;
mod sink;
mod source;
mod topic_ids;
mod transactions;

pub use decode::Decoder;
pub use encode::{Encoder, Payload};
pub use error::KafkaError;
pub use record::{Headers, Record};
pub use sink::{KafkaSink, Unencoded};
pub use source::{KafkaSource, KafkaSplit, MissingOffsets, Start, Undecoded};
pub use transactions::KafkaCluster;
