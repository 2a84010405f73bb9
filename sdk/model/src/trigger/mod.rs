//! Triggers: when the contents of a window are emitted (SEMANTICS §7).
//!
//! A trigger is data: a tree of the variants below. What each does when elements arrive, windows merge
//! or time passes is written once, in the runners' core.

mod continuation;
mod display;
mod safety;

use std::time::Duration;

use crate::time::millis;

/// When panes of a window are emitted.
///
/// ```
/// use purlin_model::{Trigger, seconds};
/// let early_and_late = Trigger::after_watermark()
///     .early(Trigger::after_processing_time(seconds(10)))
///     .late(Trigger::after_count(1));
/// assert_eq!(early_and_late.to_string(), "watermark(early=pt(10000),late=count(1))");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Once the watermark passes the end of the window, and at once for each late element.
    Default,
    /// Only when the window closes, if then.
    Never,
    /// Once the watermark passes the end of the window; then finished, or the late trigger repeats.
    AfterWatermark {
        /// Repeats until the end of the window.
        early: Option<Box<Trigger>>,
        /// Repeats after the on-time pane.
        late: Option<Box<Trigger>>,
    },
    /// Some processing time after a pane's first element.
    AfterProcessingTime {
        /// Applied in order to the arrival time of the pane's first element.
        transforms: Vec<TimeTransform>,
    },
    /// What [`Trigger::AfterProcessingTime`] continues as downstream of a grouping.
    AfterSynchronizedProcessingTime,
    /// Once a pane holds this many elements.
    AfterCount(u64),
    /// One after the other.
    AfterEach(Vec<Trigger>),
    /// As soon as one would.
    AfterFirst(Vec<Trigger>),
    /// Once all have.
    AfterAll(Vec<Trigger>),
    /// The first, until the second fires.
    OrFinally(Box<Trigger>, Box<Trigger>),
    /// Again and again.
    Repeatedly(Box<Trigger>),
}

/// One step from an element's arrival time to a trigger's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeTransform {
    /// Later by this many milliseconds.
    Delay(i64),
    /// Up to the next multiple of `period_ms`, counted from `offset_ms`.
    Align {
        /// The distance of two targets.
        period_ms: i64,
        /// Where counting starts.
        offset_ms: i64,
    },
}

impl Trigger {
    /// Fires when the watermark passes the end of the window; add [`early`](Self::early) and [`late`](Self::late) firings.
    pub fn after_watermark() -> Self {
        Trigger::AfterWatermark { early: None, late: None }
    }

    /// Fires `delay` of processing time after a pane's first element.
    pub fn after_processing_time(delay: Duration) -> Self {
        Trigger::AfterProcessingTime { transforms: vec![TimeTransform::Delay(millis(delay))] }
    }

    /// Fires once a pane holds `count` elements.
    pub fn after_count(count: u64) -> Self {
        Trigger::AfterCount(count)
    }

    /// With `trigger` repeated until the end of the window. Only for [`after_watermark`](Self::after_watermark); others stay as they are.
    pub fn early(self, trigger: Trigger) -> Self {
        match self {
            Trigger::AfterWatermark { late, .. } => Trigger::AfterWatermark { early: Some(Box::new(trigger)), late },
            other => other,
        }
    }

    /// With `trigger` repeated after the on-time pane. Only for [`after_watermark`](Self::after_watermark); others stay as they are.
    pub fn late(self, trigger: Trigger) -> Self {
        match self {
            Trigger::AfterWatermark { early, .. } => Trigger::AfterWatermark { early, late: Some(Box::new(trigger)) },
            other => other,
        }
    }

    /// With targets rounded up to multiples of `period`. Only for [`after_processing_time`](Self::after_processing_time).
    pub fn aligned_to(self, period: Duration, offset: Duration) -> Self {
        match self {
            Trigger::AfterProcessingTime { mut transforms } => {
                let period_ms = millis(period).max(1);
                transforms.push(TimeTransform::Align { period_ms, offset_ms: millis(offset) });
                Trigger::AfterProcessingTime { transforms }
            }
            other => other,
        }
    }

    /// Again and again.
    pub fn repeatedly(self) -> Self {
        Trigger::Repeatedly(Box::new(self))
    }

    /// Until `other` fires.
    pub fn or_finally(self, other: Trigger) -> Self {
        Trigger::OrFinally(Box::new(self), Box::new(other))
    }
}
