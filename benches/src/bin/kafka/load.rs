//! An open-loop load: records are sent when their time has come, whether or not earlier ones were answered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use purlin::BoxError;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::percentiles::Percentiles;
use crate::topics::PARTITIONS;

/// How often the sender looks what is due.
const TICK: Duration = Duration::from_millis(1);
const KEYS: u64 = 10_000;
/// How long a record may be under way before the job is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many records a second for so long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) rate: u64,
    /// What does not count: the job starts.
    pub(crate) warm_up: Duration,
    pub(crate) lasts: Duration,
}

/// What is done with: a key, and when the broker appended the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ping {
    pub(crate) key: u64,
    pub(crate) appended_ms: i64,
}

impl Ping {
    /// A record's value is its key; the broker adds the time.
    pub(crate) fn of(record: &purlin::io::kafka::Record<'_>) -> Result<Self, BoxError> {
        let key = u64::from_le_bytes(record.payload.ok_or("no value")?.try_into()?);
        let appended_ms = record.timestamp.ok_or("no timestamp")?.millis();
        Ok(Ping { key, appended_ms })
    }

    /// A result begins with its record's time.
    pub(crate) fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.appended_ms.to_le_bytes());
        bytes.extend_from_slice(&self.key.to_le_bytes());
    }
}

/// When the record of a result was appended.
fn appended_micros(result: &[u8]) -> Result<u64, BoxError> {
    Ok(u64::from_le_bytes(result.get(..8).ok_or("too short")?.try_into()?) * 1000)
}

pub(crate) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}

impl Load {
    fn records(&self) -> u64 {
        self.rate * (self.warm_up + self.lasts).as_millis() as u64 / 1000
    }

    /// Sends all records from `start` on, each at its time or as soon after it as the machine allows.
    pub(crate) fn send(&self, servers: &str, topic: &str, start_micros: u64) -> Result<(), BoxError> {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", servers).set("linger.ms", "5").create()?;
        let mut next = 0;
        while next < self.records() {
            let now = now_micros();
            let due = |number: u64| start_micros + number * 1_000_000 / self.rate;
            while next < self.records() && due(next) <= now {
                let key = (next % KEYS).to_le_bytes();
                let partition = (next % PARTITIONS as u64) as i32;
                let record = BaseRecord::<[u8], _>::to(topic).payload(&key).partition(partition);
                match producer.send(record) {
                    Ok(()) => next += 1,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                        producer.poll(Duration::from_millis(1));
                    }
                    Err((error, _)) => return Err(error.into()),
                }
            }
            producer.poll(Duration::ZERO);
            std::thread::sleep(TICK);
        }
        Ok(producer.flush(PATIENCE)?)
    }

    /// Reads the results, of which each record has one, and gives how long each took. The broker's times are whole milliseconds: up to one of them is
    /// counted too much.
    pub(crate) fn receive(&self, servers: &str, topic: &str, start_micros: u64) -> Result<Percentiles, BoxError> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", "results")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .create()?;
        let mut assigned = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            assigned.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&assigned)?;
        let counts_from = start_micros + self.warm_up.as_micros() as u64;
        let mut latencies = Vec::new();
        for number in 0..self.records() {
            let record = consumer.poll(PATIENCE).ok_or_else(|| format!("only {number} results came"))??;
            let appended = appended_micros(record.payload().unwrap_or_default())?;
            if appended >= counts_from {
                latencies.push(now_micros().saturating_sub(appended));
            }
        }
        Ok(Percentiles::of(latencies))
    }
}
