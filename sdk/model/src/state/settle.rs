//! What the user's function asked of timers, made so when it has returned (SEMANTICS §8).
//!
//! So a timer needs no context to be set: here is known what time it is relative to, how long its window is kept, and what it may emit.

use super::{OutputTime, Setting};
use crate::kernel::{SlotId, StateClock, StatefulSpec, TimeDomain, TimerChange, TimerId};
use crate::window::Window;
use crate::{BoxError, Timestamp};

/// What is asked of a timer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    None,
    Clear,
    Set { when: When, output: OutputTime },
}

/// When a timer is to fire.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    /// At this time, in milliseconds.
    At(i64),
    /// So many milliseconds later.
    After(i64),
}

/// What the user's function was called for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Occasion {
    /// An element at this time.
    Element(Timestamp),
    /// A timer.
    Timer {
        /// What it went by.
        domain: TimeDomain,
        /// What it was set to.
        setting: Setting,
    },
    /// The window has expired.
    Expiration,
}

/// The timers of one state after a call of the user's function, one after the other.
pub struct Settling<'a> {
    pub(crate) spec: &'a StatefulSpec,
    pub(crate) slot: SlotId,
    pub(crate) window: Window,
    pub(crate) occasion: Occasion,
    pub(crate) clock: StateClock,
    /// The latest setting of a timer of this run.
    pub(crate) version: &'a mut u64,
    pub(crate) changes: &'a mut Vec<TimerChange>,
    /// The number of the next timer.
    pub(crate) next: u16,
}

impl Settling<'_> {
    /// The number of the timer that is settled now.
    #[inline]
    pub(super) fn next_timer(&mut self) -> u16 {
        self.next += 1;
        self.next - 1
    }

    /// Whether the window has expired, so that every timer is cleared.
    #[inline]
    pub(super) fn is_expired(&self) -> bool {
        matches!(self.occasion, Occasion::Expiration)
    }

    /// What a timer is set to that is asked to fire then; nothing where no time is left.
    pub(super) fn setting(
        &mut self,
        timer: u16,
        domain: TimeDomain,
        when: When,
        output: OutputTime,
    ) -> Result<Option<Setting>, BoxError> {
        let name = self.spec.timers[usize::from(timer)].name;
        let gc = self.window.gc(self.clock.lateness_ms);
        // Nothing is emitted before the first; relative timers count from the second.
        let (least_output, from) = match self.occasion {
            Occasion::Element(at) => (at, at),
            Occasion::Timer { domain: TimeDomain::EventTime, setting } => {
                (setting.output, Timestamp::from_millis(setting.at_ms))
            }
            Occasion::Timer { domain: TimeDomain::ProcessingTime, setting } => (setting.output, setting.output),
            Occasion::Expiration => {
                return Err(format!(
                    "timer `{name}` was set in on_window_expiration: window {} has expired, and no timer can fire in it any more",
                    self.window
                )
                .into());
            }
        };
        let at_ms = match (domain, when) {
            (TimeDomain::ProcessingTime, When::At(at_ms)) => at_ms,
            (TimeDomain::ProcessingTime, When::After(span_ms)) => self.clock.now_ms.saturating_add(span_ms),
            (TimeDomain::EventTime, When::At(at_ms)) if at_ms > gc.millis() => {
                return Err(format!(
                    "timer `{name}` was set to {}, but window {} and its timers are forgotten after {gc}: set it to at most that, or \
                     with `set_relative`, which keeps within it",
                    Timestamp::from_millis(at_ms),
                    self.window
                )
                .into());
            }
            (TimeDomain::EventTime, When::At(at_ms)) => at_ms.max(Timestamp::MIN.millis()),
            // Else a timer that sets itself would fire at the end for ever.
            (TimeDomain::EventTime, When::After(_)) if from >= gc && self.is_event_firing() => return Ok(None),
            (TimeDomain::EventTime, When::After(span_ms)) => from.saturating_add_millis(span_ms).min(gc).millis(),
        };
        let usual = match domain {
            TimeDomain::EventTime => Timestamp::from_millis(at_ms),
            TimeDomain::ProcessingTime => least_output,
        };
        let (output, holds) = match output {
            OutputTime::Usual => (usual, true),
            OutputTime::NotHeld => (usual, false),
            OutputTime::At(output) if output < least_output || output > gc => {
                return Err(format!(
                    "timer `{name}` was set with the output time {output}, which does not lie between {least_output}, the time of the \
                     element or timer at hand, and {gc}, after which window {} is forgotten",
                    self.window
                )
                .into());
            }
            OutputTime::At(output) => (output, true),
        };
        *self.version += 1;
        Ok(Some(Setting { at_ms, version: *self.version, output, holds }))
    }

    /// Notes that a timer was set, overwritten, cleared or has fired.
    pub(super) fn change(&mut self, timer: u16, member: u32, before: Option<Setting>, after: Option<Setting>) {
        let id = TimerId { slot: self.slot, timer, member };
        let for_runner = |setting: Option<Setting>| setting.map(Setting::for_runner);
        self.changes.push(TimerChange { id, before: for_runner(before), after: for_runner(after) });
    }

    fn is_event_firing(&self) -> bool {
        matches!(self.occasion, Occasion::Timer { domain: TimeDomain::EventTime, .. })
    }
}
