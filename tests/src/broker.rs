//! Kafka seen from beside Purlin: topics made, written and read by the bare client.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purlin::io::kafka::admin;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
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

    /// The payloads of a topic that a reader of committed records sees, partition by partition in no order.
    pub fn committed(&self, topic: &str) -> Vec<Vec<u8>> {
        let mut config = self.reading();
        config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let partitions: Vec<i32> = self.ends(&consumer, topic).into_iter().map(|(partition, _)| partition).collect();
        let mut assignment = TopicPartitionList::new();
        for partition in &partitions {
            assignment.add_partition_offset(topic, *partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&assignment).expect("partitions can be assigned");
        let (mut payloads, mut ended) = (Vec::new(), 0);
        while ended < partitions.len() {
            match consumer.poll(PATIENCE).expect("a record or an end") {
                Ok(message) => payloads.push(message.payload().unwrap_or_default().to_vec()),
                Err(KafkaError::PartitionEOF(_)) => ended += 1,
                Err(error) => panic!("{topic}: {error}"),
            }
        }
        payloads
    }

    /// How many records of a topic are behind a group, by the offsets that were committed for it; topics of tests begin at 0.
    pub fn group_positions(&self, group: &str, topic: &str) -> u64 {
        let mut config = self.reading();
        let consumer: BaseConsumer = config.set("group.id", group).create().expect("a consumer");
        let mut asked = TopicPartitionList::new();
        for (partition, _) in self.ends(&consumer, topic) {
            asked.add_partition(topic, partition);
        }
        let positions = consumer.committed_offsets(asked, Duration::from_secs(20)).expect("the broker answers");
        let offset = |offset: Offset| offset.to_raw().and_then(|raw| u64::try_from(raw).ok()).unwrap_or(0);
        positions.elements().iter().map(|element| offset(element.offset())).sum()
    }

    /// Moves all offsets of a group by so many records, as a tool for offsets does.
    pub fn move_group(&self, group: &str, topic: &str, by: i64) {
        let mut config = self.reading();
        let consumer: BaseConsumer = config.set("group.id", group).create().expect("a consumer");
        let mut asked = TopicPartitionList::new();
        for (partition, _) in self.ends(&consumer, topic) {
            asked.add_partition(topic, partition);
        }
        let offsets = consumer.committed_offsets(asked, Duration::from_secs(20)).expect("the broker answers");
        for (topic, partition) in offsets.to_topic_map().into_keys() {
            let mut element = offsets.find_partition(&topic, partition).expect("it is there");
            let to = element.offset().to_raw().expect("an offset") + by;
            element.set_offset(Offset::Offset(to)).expect("an offset");
        }
        consumer.commit(&offsets, CommitMode::Sync).expect("offsets can be moved");
    }

    /// Deletes a group with its offsets.
    pub fn delete_group(&self, group: &str) {
        let mut config = ClientConfig::new();
        let admin: AdminClient<DefaultClientContext> =
            config.set("bootstrap.servers", &self.servers).create().expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let deleted = runtime.block_on(admin.delete_groups(&[group], &AdminOptions::new()));
        deleted.expect("the broker answers").remove(0).expect("a group can be deleted");
    }

    /// A producer for [`send_each`](Self::send_each).
    pub fn producer(&self) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("enable.idempotence", "true").set("linger.ms", "1");
        config.create().expect("a producer")
    }

    /// Writes payloads, each to its partition, in order, through whatever outages.
    pub fn send_each(&self, producer: &BaseProducer, topic: &str, payloads: impl IntoIterator<Item = (i32, Vec<u8>)>) {
        for (partition, payload) in payloads {
            let record: BaseRecord<'_, (), [u8]> = BaseRecord::to(topic).partition(partition).payload(&payload);
            producer.send(record).map_err(|(error, _)| error).expect("room in the producer");
        }
        producer.flush(Duration::from_secs(120)).expect("records are acknowledged");
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
        self.reading().create().expect("a consumer")
    }

    fn reading(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("group.id", "none").set("enable.auto.commit", "false");
        config
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
