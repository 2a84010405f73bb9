//! Kafka seen from beside Purlin: topics made, written and read by the bare client.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purlin::io::kafka::admin;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::PATIENCE;

/// A broker by its address.
pub struct Broker {
    servers: String,
}

/// Runs a test against the real broker, where there is one; in CI there must be.
pub fn with_broker(test: impl FnOnce(&Broker)) {
    match std::env::var("PURLIN_KAFKA") {
        Ok(servers) => test(&Broker::at(&servers)),
        Err(_) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("PURLIN_KAFKA is not set: CI must run this against a broker, `export \"$(ci/kafka start)\"`")
        }
        Err(_) => println!("NOT RUN: PURLIN_KAFKA is not set"),
    }
}

impl Broker {
    /// The broker at HOST:PORT.
    pub fn at(servers: &str) -> Self {
        Broker { servers: servers.to_string() }
    }

    /// HOST:PORT.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// Makes a new topic; gives its name.
    pub fn topic(&self, purpose: &str, partitions: usize) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{purpose}-{}-{number}", std::process::id());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(admin::create_topic(&self.servers, &name, partitions)).expect("a topic can be made");
        name
    }

    /// Deletes topics again.
    pub fn delete(&self, topics: &[String]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for topic in topics {
            runtime.block_on(admin::delete_topic(&self.servers, topic)).expect("a topic can be deleted");
        }
    }

    /// How many records a topic has.
    pub fn count(&self, topic: &str) -> u64 {
        let consumer = self.consumer();
        self.ends(&consumer, topic).iter().map(|(_, end)| *end as u64).sum()
    }

    /// The payloads of a topic, partition by partition in no order.
    pub fn payloads(&self, topic: &str) -> Vec<Vec<u8>> {
        let consumer = self.consumer();
        let ends = self.ends(&consumer, topic);
        let mut assignment = TopicPartitionList::new();
        for (partition, _) in ends.iter().filter(|(_, end)| *end > 0) {
            assignment.add_partition_offset(topic, *partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&assignment).expect("partitions can be assigned");
        let wanted: i64 = ends.iter().map(|(_, end)| *end).sum();
        let mut payloads = Vec::new();
        while (payloads.len() as i64) < wanted {
            let message = consumer.poll(PATIENCE).expect("a record").expect("no error");
            payloads.push(message.payload().unwrap_or_default().to_vec());
        }
        payloads
    }

    /// Writes payloads to a partition, in order.
    pub fn send<'a>(&self, topic: &str, partition: i32, payloads: impl IntoIterator<Item = &'a [u8]>) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &self.servers).create().expect("a producer");
        for payload in payloads {
            let record: BaseRecord<'_, (), [u8]> = BaseRecord::to(topic).partition(partition).payload(payload);
            producer.send(record).map_err(|(error, _)| error).expect("room in the producer");
        }
        producer.flush(PATIENCE).expect("records are acknowledged");
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("group.id", "none").set("enable.auto.commit", "false");
        config.create().expect("a consumer")
    }

    /// Each partition's number and end; topics of tests begin at 0.
    fn ends(&self, consumer: &BaseConsumer, topic: &str) -> Vec<(i32, i64)> {
        const SHORT: Duration = Duration::from_secs(20);
        let metadata = consumer.fetch_metadata(Some(topic), SHORT).expect("the broker answers");
        let partitions = metadata.topics()[0].partitions().iter().map(|partition| partition.id());
        let end = |id| consumer.fetch_watermarks(topic, id, SHORT).expect("the broker answers").1;
        partitions.map(|id| (id, end(id))).collect()
    }
}
