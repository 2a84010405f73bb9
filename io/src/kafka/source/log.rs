//! Partitions' logs as they are now, and what becomes of a stored position in them.

use purlin_model::transaction::LogExtent;

use super::super::KafkaError;
use super::super::client::Client;
use super::super::cluster::Position;
use super::{KafkaSplit, MissingOffsets};

/// A partition's log.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// With `read_committed` its end is that of what can be read: the log itself may be longer.
    pub(super) extent: LogExtent,
    pub(super) topic_id: Option<String>,
}

impl Log {
    /// Asks for the logs of partitions of one topic after the other; blocks.
    pub(super) fn ask(client: &Client, partitions: &[(&str, i32)]) -> Result<Vec<Log>, KafkaError> {
        let look_up = |position| {
            let asked: Vec<_> = partitions.iter().map(|(topic, number)| (*topic, *number, position)).collect();
            let found = client.offsets(&asked)?;
            let named = |((topic, number), offset): (&(&str, i32), Option<i64>)| {
                offset.ok_or_else(|| KafkaError::Other {
                    what: format!("asking for the offsets of {topic}/{number}"),
                    reason: "the broker named none".into(),
                })
            };
            partitions.iter().zip(found).map(named).collect::<Result<Vec<i64>, _>>()
        };
        // The ends first: a record that comes in between is read, not skipped.
        let ends = look_up(Position::End)?;
        let firsts = look_up(Position::First)?;
        let cluster = client.cluster_id()?;
        let mut topics: Vec<&str> = partitions.iter().map(|(topic, _)| *topic).collect();
        topics.dedup();
        let ids = client.topic_ids(&topics)?;
        let id = |topic: &str| topics.iter().position(|known| *known == topic).and_then(|n| ids.get(n)?.clone());
        let found = partitions.iter().zip(firsts).zip(ends);
        let log = |((&(topic, partition), first), end)| {
            let (cluster, topic_id) = (cluster.clone(), id(topic));
            Log { extent: LogExtent { cluster, topic: topic.into(), partition, first, end }, topic_id }
        };
        Ok(found.map(log).collect())
    }

    pub(super) fn name(&self) -> (&str, i32) {
        self.extent.name()
    }

    /// The split that reads this log from an offset on.
    pub(super) fn from(&self, next: i64, end: Option<i64>) -> KafkaSplit {
        let Log { extent: LogExtent { cluster, topic, partition, .. }, topic_id } = self.clone();
        KafkaSplit { cluster, topic, topic_id, partition, next, end }
    }

    /// The split, where its position is one of this log, or moved as the policy says. A position behind `end` may still be in the log:
    /// `log_end` asks, and blocks.
    pub(super) fn settle(
        &self,
        mut split: KafkaSplit,
        then: MissingOffsets,
        log_end: impl FnOnce() -> Result<i64, KafkaError>,
    ) -> Result<KafkaSplit, KafkaError> {
        let Err(missing) = self.check(&split, log_end) else { return Ok(split) };
        let to = match (&missing, then) {
            (KafkaError::OffsetOutOfRange { .. } | KafkaError::OtherTopicId { .. }, MissingOffsets::Earliest) => {
                self.extent.first
            }
            (KafkaError::OffsetOutOfRange { .. } | KafkaError::OtherTopicId { .. }, MissingOffsets::Latest) => {
                self.extent.end
            }
            _ => return Err(missing),
        };
        tracing::warn!("{missing}; as asked for, {split} goes on with offset {to} instead of {}", split.next);
        split.topic_id = self.topic_id.clone();
        split.next = to;
        Ok(split)
    }

    /// Refuses a split of another log, or of an offset that is not there.
    fn check(&self, split: &KafkaSplit, log_end: impl FnOnce() -> Result<i64, KafkaError>) -> Result<(), KafkaError> {
        self.check_identity(split)?;
        let mut extent = self.extent.clone();
        if split.next > extent.end {
            extent.end = log_end()?;
        }
        extent.check(&split.position()).map_err(KafkaError::not_a_position)
    }

    /// Refuses a split of another log.
    pub(super) fn check_identity(&self, split: &KafkaSplit) -> Result<(), KafkaError> {
        self.extent.check_cluster(&split.position()).map_err(KafkaError::not_a_position)?;
        let KafkaSplit { topic, partition, next: offset, .. } = split.clone();
        match (&split.topic_id, &self.topic_id) {
            (Some(was), Some(is)) if was != is => Err(KafkaError::OtherTopicId { topic, partition, offset }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        let (cluster, topic, topic_id) = ("one".into(), "orders".into(), Some("id".into()));
        Log { extent: LogExtent { cluster, topic, partition: 0, first: 10, end: 20 }, topic_id }
    }

    /// Where reading goes on from `next`, in a log that goes up to 22, of which 20 and on are undecided.
    fn settled(next: i64, then: MissingOffsets) -> Result<i64, String> {
        let split = log().from(next, None);
        log().settle(split, then, || Ok(22)).map(|split| split.next).map_err(|error| error.to_string())
    }

    #[test]
    fn positions_in_the_log_stay() {
        for next in [10, 15, 20, 21, 22] {
            for then in [MissingOffsets::Refuse, MissingOffsets::Earliest, MissingOffsets::Latest] {
                assert_eq!(settled(next, then), Ok(next));
            }
        }
    }

    #[test]
    fn positions_outside_are_refused_or_moved_as_asked_for() {
        for next in [9, 23] {
            let error = settled(next, MissingOffsets::Refuse).unwrap_err();
            let told = [next.to_string().as_str(), "orders/0", "begins at 10", "ends at 2", "on_missing_offsets"]
                .map(|part| error.contains(part));
            assert_eq!(told, [true; 5], "{error}");
            assert_eq!(settled(next, MissingOffsets::Earliest), Ok(10));
            assert_eq!(settled(next, MissingOffsets::Latest), Ok(20));
        }
    }

    #[test]
    fn another_cluster_is_refused_whatever_was_asked_for() {
        let split = KafkaSplit { cluster: "two".into(), ..log().from(15, None) };
        let error = log().settle(split, MissingOffsets::Earliest, || Ok(22)).unwrap_err().to_string();
        assert!(error.contains("`one`") && error.contains("`two`") && error.contains("orders/0"), "{error}");
    }

    #[test]
    fn a_topic_made_anew_has_other_records_under_the_same_offsets() {
        let split = || KafkaSplit { topic_id: Some("older".into()), ..log().from(15, None) };
        let error = log().settle(split(), MissingOffsets::Refuse, || Ok(22)).unwrap_err().to_string();
        assert!(error.contains("made anew") && error.contains("on_missing_offsets"), "{error}");
        let moved = log().settle(split(), MissingOffsets::Earliest, || Ok(22)).unwrap();
        assert_eq!(moved, log().from(10, None));
        // Brokers before 2.8 tell no ids.
        let unknown = KafkaSplit { topic_id: None, ..split() };
        assert_eq!(log().settle(unknown.clone(), MissingOffsets::Refuse, || Ok(22)), Ok(unknown));
    }
}
