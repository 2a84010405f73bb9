//! What a client's events say about its connection, and how much of it people want to read.
//!
//! An outage is one warning and, when it is over, one line; librdkafka reconnects by itself. What reconnecting cannot
//! cure (a refused login) is remembered as fatal, and readers and writers fail with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::KafkaError;
use super::secrets::Scrubber;
use super::settings::Settings;

/// No more than one warning in this time while trouble lasts.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The state of one client's connection to its cluster.
pub(crate) struct Health {
    servers: String,
    scrubber: Scrubber,
    down: AtomicBool,
    warned: Mutex<Option<Instant>>,
    last: Mutex<Option<String>>,
    fatal: OnceLock<String>,
}

impl Health {
    pub(crate) fn new(settings: &Settings) -> Self {
        Health {
            servers: settings.servers(),
            scrubber: settings.scrubber(),
            down: AtomicBool::new(false),
            warned: Mutex::new(None),
            last: Mutex::new(None),
            fatal: OnceLock::new(),
        }
    }

    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// `text` without the settings' secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.scrubber.clean(text).into_owned()
    }

    /// The cluster answered.
    #[inline]
    pub(crate) fn up(&self) {
        if self.down.load(Ordering::Relaxed) && self.down.swap(false, Ordering::Relaxed) {
            *lock(&self.warned) = None;
            tracing::info!("Kafka at {} answers again", self.servers);
        }
    }

    /// Something failed that librdkafka goes on trying.
    pub(crate) fn transient(&self, reason: &str) {
        let reason = self.clean(reason);
        self.down.store(true, Ordering::Relaxed);
        let mut warned = lock(&self.warned);
        if warned.is_none_or(|at| at.elapsed() > WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!("trouble with Kafka at {}, going on trying: {reason}", self.servers);
        }
        drop(warned);
        *lock(&self.last) = Some(reason);
    }

    /// Whether trouble has come and no record since.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// The last trouble heard of.
    pub(crate) fn last(&self) -> Option<String> {
        lock(&self.last).clone()
    }

    /// Fails if the client can do nothing more.
    pub(crate) fn check(&self) -> Result<(), KafkaError> {
        match self.fatal.get() {
            Some(reason) => Err(KafkaError::Refused {
                servers: self.servers.clone(),
                what: "this client".into(),
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl ClientContext for Health {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let message = self.scrubber.clean(message);
        match level {
            // Each of these also comes as an error event or an error of the call, speaks of a setting that only the other kind of client
            // reads, or of an attempt that is repeated (the last transaction of an id is being aborted, say).
            _ if matches!(facility, "FAIL" | "ERROR" | "CONFWARN" | "GETPID" | "TXNERR" | "FATAL") => {
                tracing::debug!("{facility}: {message}")
            }
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!("{facility}: {message}")
            }
            RDKafkaLogLevel::Warning => tracing::warn!("{facility}: {message}"),
            _ => tracing::debug!("{facility}: {message}"),
        }
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(Code::Authentication | Code::Fatal | Code::SaslAuthenticationFailed) => {
                let reason = self.clean(reason);
                if self.fatal.set(reason.clone()).is_ok() {
                    tracing::error!("Kafka at {} refuses this client: {reason}", self.servers);
                }
            }
            // The end of a partition and the like: seen by the readers.
            Some(Code::PartitionEOF) | None => {}
            // It only counts the brokers; why each is down was said before.
            Some(Code::AllBrokersDown) => self.transient(&self.last().unwrap_or_else(|| reason.into())),
            Some(_) => self.transient(reason),
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        tracing::debug!("statistics: {}", self.scrubber.clean(&String::from_utf8_lossy(statistics)));
    }
}

impl ConsumerContext for Health {}

/// Whether trouble of this kind passes by itself.
pub(crate) fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::RequestTimedOut
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::KafkaStorageError
            | Code::OffsetNotAvailable
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::PreferredLeaderNotAvailable
            | Code::Retry
            | Code::SSL
    )
}
