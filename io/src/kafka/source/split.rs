//! A partition with a position in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One partition's records from `next` on, up to `end` where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaSplit {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record to read.
    pub next: i64,
    /// The first offset not to read. It need not be that of a record: markers of transactions have offsets, too, and
    /// compaction leaves gaps.
    pub end: Option<i64>,
}

impl KafkaSplit {
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

impl fmt::Display for KafkaSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}
