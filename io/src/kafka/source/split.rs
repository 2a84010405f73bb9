//! A partition with a position in it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::KafkaError;
use super::super::client::Client;

/// One partition's records from `next` on, up to `end` where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaSplit {
    /// The id of the cluster: an offset of one means nothing in another.
    pub cluster: String,
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

    /// Refuses a position of another cluster than the one that the client has reached.
    pub(super) fn check_cluster(&self, cluster: &str, client: &Client) -> Result<(), KafkaError> {
        if self.cluster == cluster {
            return Ok(());
        }
        Err(KafkaError::OtherCluster {
            topic: self.topic.clone(),
            partition: self.partition,
            position: self.cluster.clone(),
            cluster: cluster.into(),
            servers: client.health().servers().into(),
        })
    }
}

impl fmt::Display for KafkaSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}
