//! What a source asks the cluster before it reads: its partitions, where to begin in them, which of them are new.
//!
//! All of it blocks and runs through [`ask`](super::super::cluster::ask).

use std::collections::{HashMap, HashSet};

use super::super::KafkaError;
use super::super::client::Client;
use super::super::cluster::Position;
use super::super::settings::Settings;
use super::log::Log;
use super::{KafkaSplit, MissingOffsets, Start};

/// What of a source's description the questions need.
pub(super) struct Launch {
    pub(super) settings: Settings,
    pub(super) topics: Vec<String>,
    pub(super) start: Start,
    pub(super) missing: MissingOffsets,
    pub(super) until_end: bool,
}

/// Splits, and the logs of all of the source's partitions.
pub(super) struct Found {
    pub(super) splits: Vec<KafkaSplit>,
    pub(super) logs: Vec<Log>,
}

impl Launch {
    /// The splits of all topics.
    pub(super) fn splits(&self, bounded: bool) -> Result<Found, KafkaError> {
        let client = Client::new(&self.settings, &[])?;
        let partitions = self.partitions(|topic| client.partitions(topic))?;
        let logs = Log::ask(&client, &partitions)?;
        let starts: Vec<i64> = match self.start {
            Start::Earliest => logs.iter().map(|log| log.extent.first).collect(),
            Start::Latest => logs.iter().map(|log| log.extent.end).collect(),
            Start::At(at) => {
                let at = Position::At(at.millis());
                let asked: Vec<_> = partitions.iter().map(|(topic, number)| (*topic, *number, at)).collect();
                let found = client.offsets(&asked)?;
                found.into_iter().zip(&logs).map(|(found, log)| found.unwrap_or(log.extent.end)).collect()
            }
        };
        let split = |(log, next): (&Log, i64)| log.from(next, bounded.then_some(log.extent.end));
        Ok(Found { splits: logs.iter().zip(starts).map(split).collect(), logs })
    }

    /// The splits of partitions that are not among the known ones. A source that ends has none: its end was drawn without them.
    pub(super) fn discover(&self, known: &[KafkaSplit]) -> Result<Found, KafkaError> {
        let client = Client::new(&self.settings, &[])?;
        let partitions = self.partitions(|topic| client.known_partitions(topic))?;
        let logs = Log::ask(&client, &partitions)?;
        let by_name: HashMap<(&str, i32), &Log> = logs.iter().map(|log| (log.name(), log)).collect();
        for split in known {
            let KafkaSplit { topic, partition, .. } = split.clone();
            if !self.topics.contains(&topic) {
                return Err(KafkaError::OtherTopic { topic });
            }
            let log = by_name.get(&split.name()).copied();
            match log.ok_or(KafkaError::UnknownPartition { topic, partition })?.check_identity(split) {
                // Opening it will see to that.
                Err(KafkaError::OtherTopicId { .. }) if self.missing != MissingOffsets::Refuse => {}
                checked => checked?,
            }
        }
        let ends = self.until_end || known.iter().any(|split| split.end.is_some());
        let listed: HashSet<(&str, i32)> = known.iter().map(KafkaSplit::name).collect();
        let new = |log: &Log| Some(log.from(log.extent.start_unless(&listed)?.next, None));
        let splits = if ends { Vec::new() } else { logs.iter().filter_map(new).collect() };
        Ok(Found { splits, logs })
    }

    /// How many partitions will share the memory, for a process that opens splits and never asked for them. Also says, before
    /// anything waits, if the brokers or topics are not there.
    pub(super) fn count(&self) -> Result<usize, KafkaError> {
        let client = Client::new(&self.settings, &[])?;
        Ok(self.partitions(|topic| client.partitions(topic))?.len())
    }

    /// The end of a split's log, whatever of it can be read.
    pub(super) fn log_end(&self, split: &KafkaSplit) -> Result<i64, KafkaError> {
        let client = Client::uncommitted(&self.settings)?;
        let asked = client.offsets(&[(&split.topic, split.partition, Position::End)])?;
        Ok(asked[0].unwrap_or(i64::MAX))
    }

    fn partitions(&self, of: impl Fn(&str) -> Result<Vec<i32>, KafkaError>) -> Result<Vec<(&str, i32)>, KafkaError> {
        if self.topics.is_empty() {
            let what = format!("reading Kafka at {}", self.settings.servers());
            return Err(KafkaError::Other { what, reason: "the source names no topic".into() });
        }
        let mut partitions = Vec::new();
        for topic in &self.topics {
            partitions.extend(of(topic)?.into_iter().map(|partition| (topic.as_str(), partition)));
        }
        Ok(partitions)
    }
}
