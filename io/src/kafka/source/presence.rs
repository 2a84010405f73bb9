//! Whether the partitions that are being read still exist.
//!
//! librdkafka waits for a deleted topic as for a broker that is away. So a reader that has heard nothing for a while wonders: the
//! cluster is asked in the background, once for all readers of a topic, and the answer is there when a reader wonders again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(5);

/// What the cluster last said of each topic.
#[derive(Default)]
pub(super) struct Presence {
    topics: Mutex<HashMap<String, Answer>>,
}

#[derive(Default)]
struct Answer {
    asked: Option<Instant>,
    partitions: Option<Vec<i32>>,
}

impl Presence {
    /// Whether the cluster has said that the partition is not there.
    pub(super) fn is_gone(&self, topic: &str, partition: i32) -> bool {
        let topics = self.lock();
        let known = topics.get(topic).and_then(|answer| answer.partitions.as_ref());
        known.is_some_and(|partitions| !partitions.contains(&partition))
    }

    /// Whether to ask now; the caller does, then.
    pub(super) fn claim(&self, topic: &str) -> bool {
        let mut topics = self.lock();
        let answer = topics.entry(topic.to_string()).or_default();
        let stale = answer.asked.is_none_or(|asked| asked.elapsed() > FRESH);
        if stale {
            answer.asked = Some(Instant::now());
        }
        stale
    }

    /// Notes what the cluster said.
    pub(super) fn tell(&self, topic: &str, partitions: Vec<i32>) {
        self.lock().entry(topic.to_string()).or_default().partitions = Some(partitions);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_gone_only_when_the_cluster_says_so() {
        let presence = Presence::default();
        assert!(!presence.is_gone("orders", 1));
        assert!(presence.claim("orders") && !presence.claim("orders"), "one asks for all");
        presence.tell("orders", vec![0, 1]);
        assert!(!presence.is_gone("orders", 1) && presence.is_gone("orders", 2));
        presence.tell("orders", vec![]);
        assert!(presence.is_gone("orders", 1));
    }
}
