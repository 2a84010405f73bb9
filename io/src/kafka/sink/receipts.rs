//! What a writer knows of its records on their way: how many are not acknowledged yet, and the first failure.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::super::KafkaError;

/// Shared by a writer and the producer's event thread.
#[derive(Default)]
pub(super) struct Receipts {
    outstanding: AtomicU64,
    failed: AtomicU64,
    reason: Mutex<Option<String>>,
    settled: Notify,
}

impl Receipts {
    /// A record goes out; before it does, so that its receipt cannot come first.
    #[inline]
    pub(super) fn sent(&self) {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// The broker has it, or it was never taken by the producer.
    #[inline]
    pub(super) fn settled(&self) {
        // Release: whoever sees zero also sees the failures noted before.
        if self.outstanding.fetch_sub(1, Ordering::Release) == 1 {
            self.settled.notify_one();
        }
    }

    /// The broker will not have it.
    #[cold]
    pub(super) fn failed(&self, reason: String) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.failed.fetch_add(1, Ordering::Release);
        self.settled();
    }

    /// Fails once anything was not delivered, and ever after.
    pub(super) fn check(&self, topic: &str) -> Result<(), KafkaError> {
        match self.failed.load(Ordering::Acquire) {
            0 => Ok(()),
            failed => {
                let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
                Err(KafkaError::Delivery { topic: topic.into(), failed, reason })
            }
        }
    }

    /// Waits until nothing is outstanding.
    pub(super) async fn all_settled(&self) {
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
        receipts.failed("too large".into());
        receipts.failed("something else".into());
        let failure = receipts.check("totals").unwrap_err().to_string();
        assert!(failure.contains("2 of the records") && failure.contains("`totals`") && failure.contains("too large"));
        futures::executor::block_on(receipts.all_settled());
    }
}
