//! A partition with a position in it.

use std::fmt;

use purlin_model::transaction::LogPosition;
use serde::{Deserialize, Serialize};

/// One partition's records from `next` on, up to `end` where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaSplit {
    /// The id of the cluster: an offset of one means nothing in another.
    pub cluster: String,
    /// The topic.
    pub topic: String,
    /// The topic's own id: one of the same name that was made anew has another. Brokers before 2.8 tell none.
    pub topic_id: Option<String>,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub next: i64,
    /// The first offset not to read. It need not be that of a record: markers of transactions have offsets, too, and
    /// compaction leaves gaps.
    pub end: Option<i64>,
}

impl KafkaSplit {
    pub(super) fn name(&self) -> (&str, i32) {
        (&self.topic, self.partition)
    }

    pub(super) fn position(&self) -> LogPosition {
        let KafkaSplit { cluster, topic, partition, next, .. } = self.clone();
        LogPosition { cluster, topic, partition, next }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

impl fmt::Display for KafkaSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}
