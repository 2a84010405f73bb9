//! librdkafka's settings: ours as defaults, the user's on top, and those that nobody may change.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::KafkaError;
use super::secrets::{REDACTED, Scrubber, is_secret, public_address};

/// Settings that decide about correctness, and why they are fixed.
const FIXED: [(&str, &str); 9] = [
    ("bootstrap.servers", "give the address to `new(..)`"),
    ("metadata.broker.list", "give the address to `new(..)`"),
    ("group.id", "partitions are assigned and positions are the pipeline's own; no consumer group is joined"),
    ("enable.auto.commit", "no offsets are committed: positions are the pipeline's own"),
    ("auto.offset.reset", "a silent jump would lose or repeat records; say where to begin with `.start(..)`"),
    ("enable.partition.eof", "the source needs to see the ends of partitions"),
    ("log.queue", "the client's log goes through `tracing`"),
    ("transactional.id", "transactions belong to the job's checkpoints, which name them themselves: leave it out"),
    ("transaction.timeout.ms", "it follows from the interval of the job's checkpoints: leave it out"),
];

/// Where the brokers are and how the user wants the client to be.
#[derive(Clone)]
pub(crate) struct Settings {
    servers: String,
    own: BTreeMap<String, String>,
}

impl Settings {
    pub(crate) fn new(servers: String) -> Self {
        Settings { servers, own: BTreeMap::new() }
    }

    pub(crate) fn set(&mut self, name: String, value: String) {
        self.own.insert(name, value);
    }

    /// What the user set, if anything.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.own.remove(name);
    }

    /// The brokers' addresses, fit to be shown.
    pub(crate) fn servers(&self) -> String {
        public_address(&self.servers)
    }

    pub(crate) fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.own.iter())
    }

    /// Refuses what cannot work before a client is made.
    fn check(&self) -> Result<(), KafkaError> {
        for (name, reason) in FIXED {
            if self.own.contains_key(name) {
                return Err(KafkaError::Setting { name: name.into(), reason: reason.into() });
            }
        }
        match self.own.get("security.protocol") {
            Some(protocol) if !protocol.eq_ignore_ascii_case("plaintext") && !cfg!(feature = "kafka-tls") => {
                Err(KafkaError::NeedsTls { protocol: protocol.clone() })
            }
            _ => Ok(()),
        }
    }

    /// A client's configuration: `defaults` below the user's settings, `fixed` above.
    pub(crate) fn config(&self, defaults: &[(&str, &str)], fixed: &[(&str, &str)]) -> Result<ClientConfig, KafkaError> {
        self.check()?;
        let mut config = ClientConfig::new();
        let level = if self.own.contains_key("debug") { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info };
        config.set_log_level(level);
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        config.extend(owned(defaults));
        config.extend(self.own.clone());
        config.extend(owned(fixed));
        config.set("bootstrap.servers", &self.servers);
        Ok(config)
    }

    /// Says why a client could not be made.
    pub(crate) fn explain(&self, error: &rdkafka::error::KafkaError) -> KafkaError {
        match error {
            rdkafka::error::KafkaError::ClientConfig(_, reason, name, _) => {
                KafkaError::Setting { name: name.clone(), reason: self.scrubber().clean(reason).into_owned() }
            }
            other => KafkaError::Other {
                what: format!("making a Kafka client for {}", self.servers()),
                reason: self.scrubber().clean(&other.to_string()).into_owned(),
            },
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.own.iter().map(|(name, value)| (name, if is_secret(name) { REDACTED } else { value }));
        f.debug_map().entry(&"bootstrap.servers", &self.servers()).entries(shown).finish()
    }
}
