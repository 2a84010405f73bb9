//! What a run's checkpoints are asked to be.

use std::sync::Arc;
use std::time::Duration;

use purlin_model::Failure;

use crate::checkpoint::Storage;

/// What a streaming run promises about its output after failures and restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Every element counts once in every sink, as if nothing had failed.
    ExactlyOnce,
    /// No element is lost; output since the last checkpoint may be written again.
    AtLeastOnce,
}

/// Checkpoints of a streaming run.
#[derive(Clone)]
pub struct CheckpointSettings {
    /// Where snapshots are kept.
    pub storage: Arc<dyn Storage>,
    /// The job's name: by it a restart finds its checkpoints, and its transactions on a cluster.
    pub job: String,
    /// How long after one checkpoint the next begins.
    pub interval: Duration,
    /// What is promised.
    pub guarantee: Guarantee,
    /// How many committed checkpoints are kept; at least one.
    pub retained: usize,
    /// How often in a row, without a checkpoint in between, the job goes on from its last checkpoint after a failure of what is around
    /// it (a broker, the storage) before it gives up.
    pub recoveries: u32,
}

/// The longest transaction that a broker allows unless it is told otherwise (`transaction.max.timeout.ms`).
const LONGEST_TRANSACTION: Duration = Duration::from_secs(15 * 60);
/// How long a commit may take.
const COMMIT_TIME: Duration = Duration::from_secs(60);
/// How long merging and removing old checkpoints may take: the next transaction is open by then.
pub(super) const TIDY_TIME: Duration = Duration::from_secs(30);
/// How long a snapshot may take to be stored at least, however short the interval is.
const LEAST_STORE_TIME: Duration = Duration::from_secs(60);

impl CheckpointSettings {
    /// Exactly-once checkpoints of `job` every ten seconds, of which the newest three are kept.
    pub fn new(job: impl Into<String>, storage: Arc<dyn Storage>) -> Self {
        CheckpointSettings {
            storage,
            job: job.into(),
            interval: Duration::from_secs(10),
            guarantee: Guarantee::ExactlyOnce,
            retained: 3,
            recoveries: 10,
        }
    }

    /// How long storing a snapshot may take before it is given up.
    pub(in crate::stream) fn store_deadline(&self) -> Duration {
        self.interval.max(LEAST_STORE_TIME)
    }

    /// How long a transaction may be open: it must not end before its checkpoint is stored and committed.
    pub(in crate::stream) fn transaction_timeout(&self) -> Duration {
        TIDY_TIME + self.interval + self.store_deadline() + COMMIT_TIME
    }

    /// The longest interval with which a transaction ends in time. Storing may take as long again.
    fn longest_interval() -> Duration {
        (LONGEST_TRANSACTION - TIDY_TIME - COMMIT_TIME) / 2
    }

    /// Refuses settings that cannot work.
    pub(in crate::stream) fn check(&self, is_transactional: bool) -> Result<(), Failure> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if self.job.is_empty() || self.job.len() > 200 || !self.job.bytes().all(is_name) {
            return Err(Failure::Options(format!(
                "the job's name `{}` names topics and files: use letters, digits, `.`, `_` and `-` (--job-name)",
                self.job
            )));
        }
        if self.interval.is_zero() {
            return Err(Failure::Options(
                "a checkpoint interval of zero leaves no time for work (--checkpoint-interval)".into(),
            ));
        }
        if is_transactional && self.transaction_timeout() > LONGEST_TRANSACTION {
            return Err(Failure::Options(format!(
                "a transaction stays open from one checkpoint to the next, and with an interval of {} s it could take {} s: more than the {} s \
                 that brokers allow (`transaction.max.timeout.ms`). Choose an interval of at most {} s (--checkpoint-interval)",
                self.interval.as_secs(),
                self.transaction_timeout().as_secs(),
                LONGEST_TRANSACTION.as_secs(),
                Self::longest_interval().as_secs(),
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::MemoryStorage;

    #[test]
    fn the_interval_that_a_refusal_names_is_the_longest_that_works() {
        let mut settings = CheckpointSettings::new("job", Arc::new(MemoryStorage::default()));
        settings.interval = CheckpointSettings::longest_interval();
        assert_eq!(settings.transaction_timeout(), LONGEST_TRANSACTION);
        settings.check(true).expect("it ends in time");
        settings.interval += Duration::from_secs(1);
        settings.check(false).expect("no transaction, no limit");
        let refusal = settings.check(true).expect_err("it could end too early").to_string();
        for part in ["interval of 406 s", "could take 902 s", "900 s", "at most 405 s"] {
            assert!(refusal.contains(part), "{part}: {refusal}");
        }
    }
}
