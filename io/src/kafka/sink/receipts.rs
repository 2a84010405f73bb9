//! What is known of records on their way: how many are not acknowledged yet, and the first failure.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::Notify;

use super::super::KafkaError;

/// Shared by a writer and the producer's event thread.
#[derive(Default)]
pub(crate) struct Receipts {
    outstanding: AtomicU64,
    failed: AtomicU64,
    first: Mutex<Option<Failure>>,
    settled: Notify,
}

/// Why a record was not delivered.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: RDKafkaErrorCode,
    /// In words, without secrets.
    pub(crate) reason: String,
}

impl Receipts {
    /// A record goes out; before it does, so that its receipt cannot come first.
    #[inline]
    pub(crate) fn sent(&self) {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// The broker has it, or it was never taken by the producer.
    #[inline]
    pub(crate) fn settled(&self) {
        // Release: whoever sees zero also sees the failures noted before.
        if self.outstanding.fetch_sub(1, Ordering::Release) == 1 {
            self.settled.notify_one();
        }
    }

    /// The broker will not have it.
    #[cold]
    pub(crate) fn failed(&self, failure: Failure) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.failed.fetch_add(1, Ordering::Release);
        self.settled();
    }

    /// The first failure, if there was any.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self.failed.load(Ordering::Acquire) {
            0 => None,
            _ => self.first.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Fails once anything was not delivered, and ever after.
    pub(crate) fn check(&self, topic: &str) -> Result<(), KafkaError> {
        match self.failure() {
            None => Ok(()),
            Some(Failure { reason, .. }) => {
                let failed = self.failed.load(Ordering::Acquire);
                Err(KafkaError::Delivery { topic: topic.into(), failed, reason })
            }
        }
    }

    /// Waits until nothing is outstanding.
    pub(crate) async fn all_settled(&self) {
        while self.outstanding.load(Ordering::Acquire) > 0 {
            self.settled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_told_and_stays() {
        let receipts = Receipts::default();
        (0..3).for_each(|_| receipts.sent());
        receipts.settled();
        assert_eq!(receipts.check("totals"), Ok(()));
        for (code, reason) in
            [(RDKafkaErrorCode::MessageSizeTooLarge, "too large"), (RDKafkaErrorCode::Fail, "something else")]
        {
            receipts.failed(Failure { code, reason: reason.into() });
        }
        let failure = receipts.check("totals").unwrap_err().to_string();
        assert!(failure.contains("2 of the records") && failure.contains("`totals`") && failure.contains("too large"));
        assert_eq!(receipts.failure().map(|failure| failure.code), Some(RDKafkaErrorCode::MessageSizeTooLarge));
        futures::executor::block_on(receipts.all_settled());
    }
}
