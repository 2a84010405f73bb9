//! A service that counts who asks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use purlin::prelude::*;

/// Answers with ten times the number, numbers whose last digit is 0 with nothing.
#[derive(Clone, Default)]
pub(crate) struct Service {
    /// Each answer takes so long; odd ones twice.
    takes: Duration,
    failures: usize,
    /// How often each number was asked about.
    attempts: Arc<Mutex<BTreeMap<i64, usize>>>,
    pub(crate) set_up: Arc<AtomicUsize>,
    pub(crate) torn_down: Arc<AtomicUsize>,
    under_way: Arc<AtomicUsize>,
    most_under_way: Arc<AtomicUsize>,
}

impl Service {
    /// One whose first so many attempts for each number fail.
    pub(crate) fn failing(failures: usize) -> Self {
        Service { failures, ..Service::default() }
    }

    /// One whose answers take so long.
    pub(crate) fn slow(takes: Duration) -> Self {
        Service { takes, ..Service::default() }
    }

    pub(crate) fn answer(n: i64) -> Option<i64> {
        (n % 10 != 0).then_some(n * 10)
    }

    /// How many calls there were at a time, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.most_under_way.load(Ordering::Relaxed)
    }

    /// How many attempts there were for each number, where that is one number for all.
    pub(crate) fn attempts_each(&self) -> usize {
        let attempts = self.attempts.lock().unwrap();
        let first = attempts.values().next().copied().unwrap_or(0);
        assert!(attempts.values().all(|attempts| *attempts == first), "{attempts:?}");
        first
    }
}

/// Counts a call while it lives.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncDoFn<i64> for Service {
    type Out = Option<i64>;

    async fn setup(&mut self) -> Result<(), BoxError> {
        self.set_up.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn process(&self, n: &i64) -> Result<Option<i64>, BoxError> {
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _under_way = UnderWay(self.under_way.clone());
        self.most_under_way.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(self.takes * (1 + n.rem_euclid(2) as u32)).await;
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            let attempt = attempts.entry(*n).or_default();
            *attempt += 1;
            *attempt
        };
        if attempt <= self.failures { Err(format!("no line to {n}").into()) } else { Ok(Service::answer(*n)) }
    }

    async fn teardown(&self) -> Result<(), BoxError> {
        self.torn_down.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
