//! A source that fires at regular times: what polls something outside, or refreshes a side input.
//!
//! Impulse number i is at event time `start + i · period` and comes once the clock has reached that. So the watermark stands at the
//! next impulse: what is windowed by the impulses ends in time, and a position is the next impulse.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use purlin_model::bundle::{BUNDLE_TARGET, Bundle, ElementSides};
use purlin_model::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};

/// While nothing is due, the runner is told so about this often.
const LOOK_IN: Duration = Duration::from_secs(1);

/// Gives its own timestamp once every period, in event time and by the clock.
///
/// It is unbounded, even where it has an end; a runner that needs one takes the impulses that are due at launch.
///
/// A side input that is looked up anew every minute, and its latest value used for whatever comes:
///
/// ```
/// use purlin_io::PeriodicImpulse;
/// use purlin_model::{Pipeline, Trigger, minutes, window::{Global, WindowFn}};
///
/// fn load_rate() -> f64 { 1.1 }
///
/// # let pipeline = Pipeline::new();
/// # let orders = pipeline.create("orders", [5.0]);
/// let rate = pipeline
///     .read("every minute", PeriodicImpulse::every(minutes(1)))
///     .map("load rate", |_| load_rate())
///     .window(Global.with().trigger(Trigger::after_count(1).repeatedly()).discarding())
///     .latest("latest rate")
///     .as_singleton();
/// let converted = orders.map_with("convert", &rate, |order, rate| order * rate);
/// # let _ = converted;
/// # pipeline.graph().unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodicImpulse {
    period_ms: i64,
    start: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl PeriodicImpulse {
    /// One impulse each `period`, from launch on and without end. A period below one millisecond is taken as one.
    pub fn every(period: Duration) -> Self {
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
        PeriodicImpulse { period_ms, start: None, until: None }
    }

    /// The first impulse is at `start`. Those that the clock has passed already come at once.
    pub fn starting(self, start: Timestamp) -> Self {
        PeriodicImpulse { start: Some(start), ..self }
    }

    /// No impulse is at `end` or later.
    pub fn until(self, end: Timestamp) -> Self {
        PeriodicImpulse { until: Some(end), ..self }
    }
}

/// The impulses that are left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodicSplit {
    next: Timestamp,
    until: Timestamp,
    period_ms: i64,
}

impl fmt::Display for PeriodicSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "impulses from {}", self.next)
    }
}

#[async_trait]
impl Source for PeriodicImpulse {
    type Item = Timestamp;
    type Split = PeriodicSplit;

    fn describe(&self) -> String {
        let bound = |word: &str, at: Option<Timestamp>| at.map(|at| format!(" {word} {at}")).unwrap_or_default();
        let (from, until) = (bound("from", self.start), bound("until", self.until));
        format!("an impulse every {} ms{from}{until}", self.period_ms)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn io(&self) -> Io {
        // It waits, though not for a network.
        Io::Remote
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<PeriodicSplit>, BoxError> {
        let now = now();
        let next = self.start.unwrap_or(now);
        if !next.is_valid_for_element() {
            return Err(
                format!("impulses cannot start at {} ms: no element may have that timestamp", next.millis()).into()
            );
        }
        let mut until = self.until.unwrap_or(Timestamp::MAX).min(Timestamp::GLOBAL_MAX.saturating_add_millis(1));
        if request.bounded {
            until = until.min(now.saturating_add_millis(1));
        }
        Ok(vec![PeriodicSplit { next, until, period_ms: self.period_ms }])
    }

    async fn open(&self, split: PeriodicSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(PeriodicReader { left: split }))
    }
}

struct PeriodicReader {
    left: PeriodicSplit,
}

#[async_trait]
impl Reader<PeriodicImpulse> for PeriodicReader {
    /// Nothing has been taken while it waits, so dropping the future loses nothing.
    async fn read(&mut self, into: &mut Bundle<Timestamp>) -> Result<Progress, BoxError> {
        let PeriodicSplit { next, until, period_ms } = &mut self.left;
        let wait_ms = next.millis().saturating_sub(now().millis());
        if *next < *until
            && let Ok(wait_ms @ 1..) = u64::try_from(wait_ms)
        {
            tokio::time::sleep(Duration::from_millis(wait_ms).min(LOOK_IN)).await;
        }
        let upto = (*until).min(now().saturating_add_millis(1));
        for _ in 0..BUNDLE_TARGET {
            if *next >= upto {
                break;
            }
            into.push(*next, ElementSides::at(*next));
            *next = next.saturating_add_millis(*period_ms);
        }
        Ok(if *next >= *until { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> PeriodicSplit {
        self.left.clone()
    }

    fn watermark(&self) -> Timestamp {
        self.left.next
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use purlin_model::{milliseconds, seconds};

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// Reads until the end, or until `enough` impulses have come.
    fn impulses(source: PeriodicImpulse, bounded: bool, enough: usize) -> (Vec<Timestamp>, Option<PeriodicSplit>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut splits = source.splits(SplitRequest { desired: 4, bounded }).await.expect("splits");
            assert_eq!(splits.len(), 1);
            let mut reader = source.open(splits.remove(0)).await.expect("a reader");
            let mut all = Bundle::new();
            while all.len() < enough {
                let (before, seen) = (reader.watermark(), all.len());
                if reader.read(&mut all).await.expect("a read") == Progress::End {
                    return (all.values().to_vec(), None);
                }
                let new = &all.values()[seen..];
                assert!(
                    new.iter().all(|impulse| (before..reader.watermark()).contains(impulse)),
                    "none is behind the watermark"
                );
            }
            (all.values().to_vec(), Some(reader.remaining()))
        })
    }

    #[test]
    fn what_is_past_comes_at_once_and_it_ends() {
        let source = PeriodicImpulse::every(milliseconds(10)).starting(at(-25)).until(at(5));
        assert_eq!(impulses(source, false, 100).0, [at(-25), at(-15), at(-5)]);
        assert_eq!(impulses(source.until(at(-25)), false, 100).0, []);
        let hours = PeriodicImpulse::every(seconds(3600)).starting(at(0));
        let (past, left) = impulses(hours, true, usize::MAX);
        assert_eq!(left, None, "a runner that needs an end gets one");
        assert!(past.len() > 400_000 && past.iter().zip(0..).all(|(impulse, n)| *impulse == at(n * 3_600_000)));
    }

    #[test]
    fn what_is_to_come_comes_by_the_clock() {
        let begun = Instant::now();
        let (first, left) = impulses(PeriodicImpulse::every(milliseconds(20)), false, 4);
        assert!(begun.elapsed() >= milliseconds(60), "{:?}", begun.elapsed());
        assert!(first.windows(2).all(|pair| pair[1] == pair[0] + milliseconds(20)), "{first:?}");
        assert_eq!(left.expect("it goes on").next, *first.last().expect("some") + milliseconds(20));
    }

    #[test]
    fn a_start_that_no_element_may_have_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let source = PeriodicImpulse::every(seconds(1)).starting(Timestamp::MAX);
        let error = runtime.block_on(source.splits(SplitRequest { desired: 1, bounded: false })).expect_err("refused");
        assert!(error.to_string().contains("impulses cannot start at 9223372036854775 ms"), "{error}");
    }
}
