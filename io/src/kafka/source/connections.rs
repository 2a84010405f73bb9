//! The clients of a source: one for all of its partitions.
//!
//! A client fetches a partition at most once at a time. Where a source is read twice in one process (two reads of one boxed source, a
//! restart that overlaps its predecessor) the second reader of a partition gets a second client.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::super::KafkaError;
use super::super::client::Client;
use super::super::settings::Settings;
use super::log::Log;
use super::presence::Presence;

/// Records fetched ahead for all partitions together, in KiB of payload and in number: a second or so of fast reading. librdkafka adds some
/// hundred bytes to each record, which is why their number is bounded, too.
const AHEAD_KIB: usize = 64 * 1024;
const AHEAD_RECORDS: usize = 200_000;
/// For one partition, at the least and at the most.
const PARTITION_KIB: (usize, usize) = (1024, 32 * 1024);
const PARTITION_RECORDS: (usize, usize) = (4_000, 200_000);

/// Clients in use, and what is known to size the next one.
#[derive(Default)]
pub(super) struct Connections {
    clients: Mutex<Vec<Weak<Shared>>>,
    partitions: OnceLock<usize>,
    logs: Mutex<HashMap<(String, i32), Log>>,
}

/// A client with the partitions that it fetches.
struct Shared {
    client: Client,
    fetched: Mutex<HashSet<(String, i32)>>,
    presence: Presence,
}

impl Connections {
    /// Says how many partitions share a client's memory, where that is known.
    pub(super) fn expect(&self, partitions: usize) {
        let _ = self.partitions.set(partitions);
    }

    pub(super) fn expected(&self) -> Option<usize> {
        self.partitions.get().copied()
    }

    /// Notes what partitions' logs are like, so that opening them needs not to ask one by one.
    pub(super) fn tell(&self, logs: Vec<Log>) {
        lock(&self.logs).extend(logs.into_iter().map(|log| ((log.extent.topic.clone(), log.extent.partition), log)));
    }

    /// What a partition's log was last said to be like; once, for it grows old.
    pub(super) fn log(&self, topic: &str, partition: i32) -> Option<Log> {
        lock(&self.logs).remove(&(topic.to_string(), partition))
    }

    /// A client that does not fetch this partition yet, made if need be.
    pub(super) fn lease(&self, settings: &Settings, topic: &str, partition: i32) -> Result<Lease, KafkaError> {
        let name = (topic.to_string(), partition);
        let mut clients = lock(&self.clients);
        clients.retain(|client| client.strong_count() > 0);
        for shared in clients.iter().filter_map(Weak::upgrade) {
            if lock(&shared.fetched).insert(name.clone()) {
                return Ok(Lease { shared, name });
            }
        }
        let client = Client::new(settings, &as_pairs(&fetching(self.expected().unwrap_or(1))))?;
        let shared = Arc::new(Shared {
            client,
            fetched: Mutex::new(HashSet::from([name.clone()])),
            presence: Presence::default(),
        });
        clients.push(Arc::downgrade(&shared));
        Ok(Lease { shared, name })
    }
}

/// Defaults for fetching. A full queue is looked at again soon and a queue counts as full late, or throughput falls
/// into one-second holes.
fn fetching(partitions: usize) -> [(&'static str, String); 3] {
    let share = |all: usize, (least, most): (usize, usize)| (all / partitions.max(1)).clamp(least, most).to_string();
    [
        ("queued.max.messages.kbytes", share(AHEAD_KIB, PARTITION_KIB)),
        ("queued.min.messages", share(AHEAD_RECORDS, PARTITION_RECORDS)),
        ("fetch.queue.backoff.ms", "10".into()),
    ]
}

fn as_pairs<'a>(settings: &'a [(&'static str, String); 3]) -> [(&'a str, &'a str); 3] {
    settings.each_ref().map(|(name, value)| (*name, value.as_str()))
}

/// The right to fetch one partition with a client, which lives as long.
pub(super) struct Lease {
    shared: Arc<Shared>,
    name: (String, i32),
}

impl Lease {
    pub(super) fn client(&self) -> &Client {
        &self.shared.client
    }

    pub(super) fn topic(&self) -> &str {
        &self.name.0
    }

    pub(super) fn partition(&self) -> i32 {
        self.name.1
    }

    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.name.0, self.name.1)
    }

    /// Whether the cluster has said that the partition is gone. If it has not, asks in the background, for the next time.
    pub(super) fn is_gone(&self) -> bool {
        let (shared, topic) = (&self.shared, &self.name.0);
        if shared.presence.is_gone(topic, self.name.1) {
            return true;
        }
        if shared.presence.claim(topic) {
            let (shared, topic) = (shared.clone(), topic.clone());
            // Not waited for: what the task finds out stays in `presence`.
            drop(tokio::task::spawn_blocking(move || {
                if let Some(partitions) = shared.client.partitions_left(&topic) {
                    shared.client.health().up();
                    shared.presence.tell(&topic, partitions);
                }
            }));
        }
        false
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.shared.fetched).remove(&self.name);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
