//! How calls are made: how many at a time, in which order, how patiently.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::BoxError;

/// How an asynchronous transform makes its calls.
///
/// ```
/// use purlin_model::{AsyncOptions, Retry, milliseconds, seconds};
/// let options = AsyncOptions::new()
///     .capacity(500)
///     .ordered()
///     .timeout(seconds(2))
///     .retry(Retry::exponential(milliseconds(50)).max_delay(seconds(1)).max_attempts(5));
/// let said = "up to 500 at a time, in order; 2s for an answer, up to 5 attempts";
/// assert_eq!(options.to_string(), said);
/// ```
#[derive(Clone, Debug)]
pub struct AsyncOptions {
    pub(super) capacity: usize,
    pub(super) ordered: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Retry,
}

impl AsyncOptions {
    /// Up to 100 calls at a time, results as they come, any time for an answer, no second attempt.
    pub fn new() -> Self {
        AsyncOptions { capacity: 100, ordered: false, timeout: None, retry: Retry::never() }
    }

    /// How many calls may be under way at a time on each worker; at least one.
    pub fn capacity(self, calls: usize) -> Self {
        AsyncOptions { capacity: calls.max(1), ..self }
    }

    /// Results leave a worker in the order in which their elements came to it. A slow answer makes those behind it wait.
    pub fn ordered(self) -> Self {
        AsyncOptions { ordered: true, ..self }
    }

    /// Results leave as they come, as they do unless told otherwise.
    pub fn unordered(self) -> Self {
        AsyncOptions { ordered: false, ..self }
    }

    /// How long each attempt may take. One that takes longer is given up and has failed with [`TimedOut`](super::TimedOut).
    pub fn timeout(self, timeout: Duration) -> Self {
        AsyncOptions { timeout: Some(timeout), ..self }
    }

    /// What is done about an attempt that failed.
    pub fn retry(self, retry: Retry) -> Self {
        AsyncOptions { retry, ..self }
    }
}

impl Default for AsyncOptions {
    fn default() -> Self {
        AsyncOptions::new()
    }
}

impl fmt::Display for AsyncOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.ordered { "in order" } else { "in any order" };
        write!(f, "up to {} at a time, {order}; ", self.capacity)?;
        match self.timeout {
            Some(timeout) => write!(f, "{timeout:?} for an answer, ")?,
            None => write!(f, "any time for an answer, ")?,
        }
        match self.retry.attempts_max {
            1 => write!(f, "one attempt"),
            attempts => write!(f, "up to {attempts} attempts"),
        }
    }
}

/// What is done about a call that failed: how often it is made again, and after what pauses.
#[derive(Clone)]
pub struct Retry {
    pub(super) attempts_max: u32,
    first_delay: Duration,
    delay_max: Duration,
    is_worth_it: Option<IsWorthIt>,
}

/// Whether an error may go away by itself.
type IsWorthIt = Arc<dyn Fn(&BoxError) -> bool + Send + Sync>;

impl Retry {
    /// Not at all.
    pub fn never() -> Self {
        Retry { attempts_max: 1, ..Retry::exponential(Duration::ZERO) }
    }

    /// Three attempts in all, the first pause about `first_delay`, each further one twice as long, up to a minute. Of each pause up to a half
    /// is left out, differently for each element, so that those that failed together are not tried together again.
    pub fn exponential(first_delay: Duration) -> Self {
        Retry { attempts_max: 3, first_delay, delay_max: Duration::from_secs(60), is_worth_it: None }
    }

    /// How many attempts there are in all; at least one.
    pub fn max_attempts(self, attempts: u32) -> Self {
        Retry { attempts_max: attempts.max(1), ..self }
    }

    /// The longest pause.
    pub fn max_delay(self, delay: Duration) -> Self {
        Retry { delay_max: delay, ..self }
    }

    /// Only after errors for which `is_worth_it` gives `true`; after others the call has failed at once.
    ///
    /// ```
    /// use purlin_model::{Retry, calls::TimedOut, seconds};
    /// let only_slow_ones = Retry::exponential(seconds(1)).only_if(|error| error.is::<TimedOut>());
    /// ```
    pub fn only_if(self, is_worth_it: impl Fn(&BoxError) -> bool + Send + Sync + 'static) -> Self {
        Retry { is_worth_it: Some(Arc::new(is_worth_it)), ..self }
    }

    /// Whether there is another attempt after attempt number `attempt` (from 1) has failed.
    pub(super) fn goes_on(&self, attempt: u32, cause: &BoxError) -> bool {
        attempt < self.attempts_max && self.is_worth_it.as_ref().is_none_or(|is_worth_it| is_worth_it(cause))
    }

    /// The pause after attempt number `attempt` (from 1) for element number `element`: always the same, so that a run can be repeated.
    pub(super) fn delay(&self, attempt: u32, element: u64) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let whole = self.first_delay.saturating_mul(doubled).min(self.delay_max);
        let mut seed = [0; 12];
        seed[..8].copy_from_slice(&element.to_le_bytes());
        seed[8..].copy_from_slice(&attempt.to_le_bytes());
        // The upper 16 bits as a fraction.
        let left_out = (xxh3_64(&seed) >> 48) as u32;
        whole - whole / 2 / (1 << 16) * left_out
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts_max", &self.attempts_max)
            .field("first_delay", &self.first_delay)
            .field("delay_max", &self.delay_max)
            .finish_non_exhaustive()
    }
}
