//! How far a partition's log reaches, and whether a position lies in it.
//!
//! A source of logs asks here before it reads from a stored position, and takes no other answer than a refusal: whoever reads on from somewhere else loses
//! records or repeats them, and nobody notices.

use std::collections::HashSet;

use super::LogPosition;

/// What there is of one partition's log.
///
/// ```
/// use purlin_model::transaction::{LogExtent, PositionError};
/// let log = LogExtent { cluster: "here".into(), topic: "orders".into(), partition: 0, first: 10, end: 20 };
/// assert_eq!(log.check(&log.at(10)), Ok(()));
/// assert_eq!(log.check(&log.at(20)), Ok(()), "the next record to come");
/// let deleted = log.check(&log.at(9)).unwrap_err();
/// assert!(matches!(deleted, PositionError::OutOfRange { .. }));
/// assert!(deleted.to_string().contains("begins at 10"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogExtent {
    /// The cluster, by its [id](super::LogCluster::id).
    pub cluster: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the first record that is still there.
    pub first: i64,
    /// The offset behind the last record.
    pub end: i64,
}

/// Why a position is not one of a log. In both cases reading on would be a silent jump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// It was taken on another cluster, and its offset means nothing on this one.
    #[error(
        "the position of {topic}/{partition} was taken on the cluster `{position}`, and offsets mean nothing on `{cluster}`, which is there now"
    )]
    OtherCluster {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The id of the position's cluster.
        position: String,
        /// The id of the log's.
        cluster: String,
    },
    /// No record of its offset is there or comes next.
    #[error("offset {offset} of {topic}/{partition} is not in the log ({there})")]
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// What the log has instead.
        there: String,
    },
}

impl LogExtent {
    /// The partition, by topic and number.
    pub fn name(&self) -> (&str, i32) {
        (&self.topic, self.partition)
    }

    /// The position of an offset of this log.
    pub fn at(&self, next: i64) -> LogPosition {
        LogPosition { cluster: self.cluster.clone(), topic: self.topic.clone(), partition: self.partition, next }
    }

    /// Where the log is read from if it is none of those `listed`, by topic and partition, of which positions are known: at its start. It was added
    /// since they were taken, and what was written to it by then counts.
    pub fn start_unless(&self, listed: &HashSet<(&str, i32)>) -> Option<LogPosition> {
        (!listed.contains(&self.name())).then(|| self.at(self.first))
    }

    /// Refuses the position of another cluster.
    pub fn check_cluster(&self, position: &LogPosition) -> Result<(), PositionError> {
        if position.cluster != self.cluster {
            let LogPosition { cluster: position, topic, partition, .. } = position.clone();
            return Err(PositionError::OtherCluster { topic, partition, position, cluster: self.cluster.clone() });
        }
        Ok(())
    }

    /// Refuses the position of another cluster, and an offset that is not there.
    pub fn check(&self, position: &LogPosition) -> Result<(), PositionError> {
        self.check_cluster(position)?;
        let (first, end) = (self.first, self.end);
        if (first..=end).contains(&position.next) {
            return Ok(());
        }
        let LogPosition { topic, partition, next: offset, .. } = position.clone();
        let there = match first {
            first if first < end => format!("it begins at {first} and ends at {end}"),
            _ => format!("it is empty and goes on at {end}"),
        };
        Err(PositionError::OutOfRange { topic, partition, offset, there })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> LogExtent {
        LogExtent { cluster: "one".into(), topic: "orders".into(), partition: 0, first: 10, end: 20 }
    }

    #[test]
    fn only_offsets_in_the_log_are_positions_of_it() {
        for (next, is_there) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(log().check(&log().at(next)).is_ok(), is_there, "{next}");
        }
        let empty = LogExtent { first: 20, ..log() };
        let error = empty.check(&empty.at(19)).unwrap_err().to_string();
        assert!(error.contains("19 of orders/0") && error.contains("empty and goes on at 20"), "{error}");
    }

    #[test]
    fn an_offset_of_another_cluster_means_nothing() {
        let position = LogPosition { cluster: "two".into(), ..log().at(15) };
        let error = log().check(&position).unwrap_err().to_string();
        assert!(["`one`", "`two`", "orders/0"].iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn what_no_position_names_begins_at_its_start() {
        assert_eq!(log().start_unless(&HashSet::from([("orders", 1)])), Some(log().at(10)));
        assert_eq!(log().start_unless(&HashSet::from([("orders", 0)])), None);
    }
}
