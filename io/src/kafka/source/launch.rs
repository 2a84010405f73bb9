//! What a source asks the cluster before it reads: its partitions, where to begin in them, which of them are new.
//!
//! All of it blocks and runs through [`ask`](super::super::cluster::ask).

use super::super::KafkaError;
use super::super::client::Client;
use super::super::cluster::Position;
use super::super::settings::Settings;
use super::missing::Extent;
use super::{KafkaSplit, Start};

/// What of a source's description the questions need.
pub(super) struct Launch {
    pub(super) settings: Settings,
    pub(super) topics: Vec<String>,
    pub(super) start: Start,
}

/// Splits, and what the logs of all of the source's partitions have.
pub(super) struct Found {
    pub(super) splits: Vec<KafkaSplit>,
    pub(super) extents: Vec<((String, i32), Extent)>,
}

impl Launch {
    /// The splits of all topics.
    pub(super) fn splits(&self, bounded: bool) -> Result<Found, KafkaError> {
        let client = Client::new(&self.settings, &[])?;
        let partitions = self.partitions(|topic| client.partitions(topic))?;
        let extents = Extent::ask(&client, &partitions)?;
        let starts = match self.start {
            Start::Earliest => extents.iter().map(|extent| extent.first).collect(),
            Start::Latest => extents.iter().map(|extent| extent.end).collect(),
            Start::At(at) => {
                let at = Position::At(at.millis());
                let asked: Vec<_> = partitions.iter().map(|(topic, number)| (*topic, *number, at)).collect();
                let found = client.offsets(&asked)?;
                found.into_iter().zip(&extents).map(|(found, extent)| found.unwrap_or(extent.end)).collect::<Vec<_>>()
            }
        };
        let cluster = client.cluster_id()?;
        let places = partitions.iter().zip(starts).zip(&extents);
        let splits = places.map(|(((topic, partition), next), extent)| {
            let (cluster, topic, partition) = (cluster.clone(), topic.to_string(), *partition);
            KafkaSplit { cluster, topic, partition, next, end: bounded.then_some(extent.end) }
        });
        Ok(Found { splits: splits.collect(), extents: named(&partitions, &extents) })
    }

    /// The splits of partitions that are not among the known ones. A source that ends has none: its end was drawn without them.
    pub(super) fn discover(&self, known: &[KafkaSplit], until_end: bool) -> Result<Found, KafkaError> {
        let client = Client::new(&self.settings, &[])?;
        let partitions = self.partitions(|topic| client.known_partitions(topic))?;
        let cluster = client.cluster_id()?;
        for split in known {
            let KafkaSplit { topic, partition, .. } = split.clone();
            split.check_cluster(&cluster, &client)?;
            if !self.topics.contains(&topic) {
                return Err(KafkaError::OtherTopic { topic });
            }
            if !partitions.contains(&(&topic, partition)) {
                return Err(KafkaError::UnknownPartition { topic, partition });
            }
        }
        let extents = Extent::ask(&client, &partitions)?;
        let ends = until_end || known.iter().any(|split| split.end.is_some());
        let is_known =
            |topic: &str, partition| known.iter().any(|split| split.topic == topic && split.partition == partition);
        let new =
            partitions.iter().zip(&extents).filter(|((topic, partition), _)| !ends && !is_known(topic, *partition));
        let splits = new.map(|((topic, partition), extent)| {
            let (cluster, topic, partition) = (cluster.clone(), topic.to_string(), *partition);
            KafkaSplit { cluster, topic, partition, next: extent.first, end: None }
        });
        Ok(Found { splits: splits.collect(), extents: named(&partitions, &extents) })
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
        let extents = Extent::ask(&client, &[(&split.topic, split.partition)])?;
        Ok(extents[0].end)
    }

    fn partitions(&self, of: impl Fn(&str) -> Result<Vec<i32>, KafkaError>) -> Result<Vec<(&str, i32)>, KafkaError> {
        let mut partitions = Vec::new();
        for topic in &self.topics {
            partitions.extend(of(topic)?.into_iter().map(|partition| (topic.as_str(), partition)));
        }
        Ok(partitions)
    }
}

fn named(partitions: &[(&str, i32)], extents: &[Extent]) -> Vec<((String, i32), Extent)> {
    let named = |((topic, partition), extent): (&(&str, i32), &Extent)| ((topic.to_string(), *partition), *extent);
    partitions.iter().zip(extents).map(named).collect()
}
