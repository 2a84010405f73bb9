//! A windowing strategy: function, trigger, lateness, mode; and the spec that changes one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Global, WindowFn};
use crate::Trigger;
use crate::time::millis;

/// Whether a pane holds what came since the last pane, or all of the window so far (SEMANTICS §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulation {
    /// Each pane holds what is new.
    Discarding,
    /// Each pane holds everything so far.
    Accumulating,
}

/// What timestamp a pane gets (SEMANTICS §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampCombiner {
    /// The window's last timestamp.
    EndOfWindow,
    /// The earliest of its elements that was not late.
    Earliest,
    /// The latest of its elements.
    Latest,
}

/// Whether a closing pane without new elements is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosingBehavior {
    /// Always.
    Always,
    /// Only if it holds new elements.
    IfNonEmpty,
}

/// Whether an on-time pane without new elements is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeBehavior {
    /// Always.
    Always,
    /// Only if it holds new elements.
    IfNonEmpty,
}

/// How a collection is windowed: what every grouping downstream goes by.
#[derive(Clone)]
pub struct Windowing {
    /// Gives timestamps their windows.
    pub function: Arc<dyn WindowFn>,
    /// Says when panes are emitted.
    pub trigger: Trigger,
    /// What a pane holds; `None` where the user has not said.
    pub mode: Option<Accumulation>,
    /// How long after its end a window is kept, in milliseconds; `None` where the user has not said (then 0).
    pub allowed_lateness_ms: Option<i64>,
    /// What timestamp a pane gets.
    pub timestamp_combiner: TimestampCombiner,
    /// Whether an empty closing pane is emitted.
    pub closing: ClosingBehavior,
    /// Whether an empty on-time pane is emitted.
    pub on_time: OnTimeBehavior,
    /// The user has said that settings which lose data are meant (SEMANTICS §3).
    pub unsafe_allowed: bool,
    /// Merging is over: a grouping upstream has merged these windows.
    pub already_merged: bool,
}

impl Windowing {
    /// The allowed lateness in milliseconds, 0 where the user has not said.
    pub fn lateness_ms(&self) -> i64 {
        self.allowed_lateness_ms.unwrap_or(0)
    }

    /// Whether panes accumulate; discarding where the user has not said.
    pub fn is_accumulating(&self) -> bool {
        self.mode == Some(Accumulation::Accumulating)
    }

    /// Whether windows of a key may still grow together at the next grouping.
    pub fn is_merging(&self) -> bool {
        self.function.is_merging() && !self.already_merged
    }

    /// Whether every window gives exactly one pane, when the watermark passes its end, with END_OF_WINDOW
    /// as its timestamp: then combiners may be lifted and whole windows emitted at once.
    pub fn fires_once_at_the_end(&self) -> bool {
        self.fires_once_if_bounded() && self.lateness_ms() == 0 && !self.is_merging()
    }

    /// The same of a bounded input: all is there before anything fires, so nothing is late and merging has come to its end.
    pub fn fires_once_if_bounded(&self) -> bool {
        self.trigger == Trigger::Default && self.timestamp_combiner == TimestampCombiner::EndOfWindow
    }

    /// The windowing of what a grouping emits (SEMANTICS §2, §7: continuation).
    pub fn after_grouping(&self) -> Windowing {
        Windowing { trigger: self.trigger.continuation(), already_merged: true, ..self.clone() }
    }
}

impl Default for Windowing {
    fn default() -> Self {
        Windowing {
            function: Arc::new(Global),
            trigger: Trigger::Default,
            mode: None,
            allowed_lateness_ms: None,
            timestamp_combiner: TimestampCombiner::EndOfWindow,
            closing: ClosingBehavior::IfNonEmpty,
            on_time: OnTimeBehavior::Always,
            unsafe_allowed: false,
            already_merged: false,
        }
    }
}

/// All that distinguishes one windowing from another, on one line: for `--explain` and the fingerprint.
impl fmt::Display for Windowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function.name())?;
        if self.trigger != Trigger::Default {
            write!(f, ", trigger {}", self.trigger)?;
        }
        if let Some(mode) = self.mode {
            write!(f, ", {}", if mode == Accumulation::Accumulating { "accumulating" } else { "discarding" })?;
        }
        if self.lateness_ms() > 0 {
            write!(f, ", lateness {} ms", self.lateness_ms())?;
        }
        match self.timestamp_combiner {
            TimestampCombiner::EndOfWindow => Ok(()),
            other => write!(f, ", timestamps {other:?}"),
        }
    }
}

impl fmt::Debug for Windowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Windowing({self})")
    }
}

/// A change to a collection's windowing: what is not said stays as it was (SEMANTICS §2).
///
/// ```
/// use purlin_model::{minutes, seconds, Trigger, window::{Fixed, WindowFn, WindowSpec}};
/// let spec = Fixed::of(minutes(5)).with()
///     .trigger(Trigger::after_watermark().early(Trigger::after_count(100)))
///     .allowed_lateness(seconds(30))
///     .accumulating();
/// let lateness_only = WindowSpec::unchanged().allowed_lateness(minutes(1));
/// # let _ = (spec, lateness_only);
/// ```
#[derive(Clone, Debug, Default)]
pub struct WindowSpec {
    function: Option<Arc<dyn WindowFn>>,
    trigger: Option<Trigger>,
    mode: Option<Accumulation>,
    allowed_lateness_ms: Option<i64>,
    timestamp_combiner: Option<TimestampCombiner>,
    closing: Option<ClosingBehavior>,
    on_time: Option<OnTimeBehavior>,
    allow_unsafe: bool,
}

impl WindowSpec {
    /// Windows by `function`, all else inherited.
    pub fn of(function: impl WindowFn) -> Self {
        WindowSpec { function: Some(Arc::new(function)), ..WindowSpec::default() }
    }

    /// The windows stay as they are: for setting a trigger, lateness or mode alone.
    pub fn unchanged() -> Self {
        WindowSpec::default()
    }

    /// When panes are emitted.
    pub fn trigger(mut self, trigger: impl Into<Trigger>) -> Self {
        self.trigger = Some(trigger.into());
        self
    }

    /// How long after its end a window is kept for late elements. The larger of the old and the new counts.
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.allowed_lateness_ms = Some(millis(lateness));
        self
    }

    /// Each pane holds everything of its window so far.
    pub fn accumulating(mut self) -> Self {
        self.mode = Some(Accumulation::Accumulating);
        self
    }

    /// Each pane holds what came since the last one.
    pub fn discarding(mut self) -> Self {
        self.mode = Some(Accumulation::Discarding);
        self
    }

    /// What timestamp a pane gets.
    pub fn timestamp_combiner(mut self, combiner: TimestampCombiner) -> Self {
        self.timestamp_combiner = Some(combiner);
        self
    }

    /// Whether an empty closing pane is emitted.
    pub fn closing(mut self, behavior: ClosingBehavior) -> Self {
        self.closing = Some(behavior);
        self
    }

    /// Whether an empty on-time pane is emitted.
    pub fn on_time(mut self, behavior: OnTimeBehavior) -> Self {
        self.on_time = Some(behavior);
        self
    }

    /// Means it: settings that can lose data or never emit are taken without a refusal (SEMANTICS §3).
    pub fn allow_data_loss(mut self) -> Self {
        self.allow_unsafe = true;
        self
    }

    /// The windowing that results where `before` was in force, and whether windows are assigned anew.
    pub(crate) fn applied_to(self, before: &Windowing) -> (Windowing, bool) {
        let reassigns = self.function.is_some();
        let after = Windowing {
            already_merged: before.already_merged && !reassigns,
            function: self.function.unwrap_or_else(|| before.function.clone()),
            trigger: self.trigger.unwrap_or_else(|| before.trigger.clone()),
            mode: self.mode.or(before.mode),
            allowed_lateness_ms: self.allowed_lateness_ms.max(before.allowed_lateness_ms),
            timestamp_combiner: self.timestamp_combiner.unwrap_or(before.timestamp_combiner),
            closing: self.closing.unwrap_or(before.closing),
            on_time: self.on_time.unwrap_or(before.on_time),
            unsafe_allowed: self.allow_unsafe || before.unsafe_allowed,
        };
        (after, reassigns)
    }
}

impl<F: WindowFn> From<F> for WindowSpec {
    fn from(function: F) -> Self {
        WindowSpec::of(function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::milliseconds;
    use crate::window::Fixed;

    #[test]
    fn what_is_not_said_stays_and_the_larger_lateness_counts() {
        let fixed = WindowSpec::of(Fixed::of(milliseconds(10))).accumulating().allowed_lateness(milliseconds(7));
        let (first, reassigns) = fixed.applied_to(&Windowing::default());
        assert!(reassigns);
        let (second, reassigns) = WindowSpec::unchanged().allowed_lateness(milliseconds(3)).applied_to(&first);
        assert!(!reassigns && second.is_accumulating());
        assert_eq!((second.function.name(), second.lateness_ms()), (first.function.name(), 7));
        let (third, _) = WindowSpec::unchanged().allowed_lateness(milliseconds(9)).applied_to(&second);
        assert_eq!(third.lateness_ms(), 9);
    }
}
