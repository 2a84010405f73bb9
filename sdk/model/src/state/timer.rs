//! A timer: set, cleared, fired.

use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bytes::{put, take};
use super::settle::{Request, When};
use super::{Cell, Clock, EventTime, ProcessingTime, Settling};
use crate::kernel::{StatefulSpec, TimeDomain, TimerSetting, TimerSpec};
use crate::time::millis;
use crate::{BoxError, Timestamp};

/// A timer by event time: it fires when the watermark has passed its time, in the order of times.
pub type EventTimer = Timer<EventTime>;

/// A timer by processing time: it fires when the clock has passed its time. At the end of a bounded input those that are set
/// fire, in order.
pub type ProcessingTimer = Timer<ProcessingTime>;

/// One timer for each (key, window). Setting it overwrites an earlier setting, clearing it deletes it; what is asked takes effect when the
/// user's function returns.
///
/// `set` says when it fires. An event timer's time is at most the window's last timestamp plus the allowed lateness, else the transform fails;
/// a relative one keeps within that. What is emitted when it fires has the timer's [output time](OutputTime).
pub struct Timer<C: Clock> {
    setting: Option<Setting>,
    request: Request,
    has_fired: bool,
    is_changed: bool,
    clock: PhantomData<C>,
}

/// The timestamp of what a timer emits. Until it has fired the output watermark is held there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputTime {
    /// Of an event timer the time at which it fires; of a processing-time timer the time of the element, or the output time of the
    /// timer, by which it was set.
    #[default]
    Usual,
    /// This time: no earlier than that of the element, or the output time of the timer, at hand, and no later than the
    /// window's last timestamp plus the allowed lateness.
    At(Timestamp),
    /// The usual one, but nothing is held: what the timer emits may be late. For timers that emit nothing.
    NotHeld,
}

/// What a timer is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// When it fires, in milliseconds of its clock.
    pub at_ms: i64,
    /// Tells this setting from all others.
    pub version: u64,
    /// The timestamp of what it emits.
    pub output: Timestamp,
    /// Whether that holds the output watermark.
    pub holds: bool,
}

impl Setting {
    pub(crate) fn for_runner(self) -> TimerSetting {
        let Setting { at_ms, version, output, holds } = self;
        TimerSetting { at_ms, version, hold: holds.then_some(output) }
    }
}

impl<C: Clock> Timer<C> {
    /// Fires at this time; if that has passed already, soon.
    pub fn set(&mut self, at: Timestamp) {
        self.set_with_output(at, OutputTime::Usual);
    }

    /// The same, saying at what timestamp it emits.
    pub fn set_with_output(&mut self, at: Timestamp, output: OutputTime) {
        self.request = Request::Set { when: When::At(at.millis()), output };
    }

    /// Fires so much later: an event timer after the time of the element, or of the event timer, at hand, but within the window and its
    /// lateness; a processing-time timer after the present.
    pub fn set_relative(&mut self, after: Duration) {
        self.set_relative_with_output(after, OutputTime::Usual);
    }

    /// The same, saying at what timestamp it emits.
    pub fn set_relative_with_output(&mut self, after: Duration, output: OutputTime) {
        self.request = Request::Set { when: When::After(millis(after)), output };
    }

    /// Does not fire any more.
    pub fn clear(&mut self) {
        self.request = Request::Clear;
    }

    /// Whether it is to fire. A timer that has fired is no longer set.
    pub fn is_set(&self) -> bool {
        match self.request {
            Request::None => self.setting.is_some() && !self.has_fired,
            Request::Clear => false,
            Request::Set { .. } => true,
        }
    }

    /// In `on_timer`: whether it is this timer that fires.
    pub fn fired(&self) -> bool {
        self.has_fired
    }
}

impl<C: Clock> Default for Timer<C> {
    fn default() -> Self {
        Timer { setting: None, request: Request::None, has_fired: false, is_changed: false, clock: PhantomData }
    }
}

impl<C: Clock> Cell for Timer<C> {
    const IS_TIMER: bool = true;

    fn declare(name: &'static str, into: &mut StatefulSpec) {
        into.timers.push(TimerSpec { name, domain: C::DOMAIN, tags: None });
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.setting.is_none()
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        put(&self.setting, into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.setting = take(from)?;
        Ok(())
    }

    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        if !std::mem::take(&mut self.is_changed) {
            return Ok(false);
        }
        self.encode(into)?;
        Ok(true)
    }

    fn mark_saved(&mut self) {
        self.is_changed = false;
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.decode(from)
    }

    fn settings(&self, each: &mut dyn FnMut(u32, Setting)) {
        self.setting.into_iter().for_each(|setting| each(0, setting));
    }

    fn fire(&mut self, _: u32, version: u64) -> Option<Setting> {
        let fired = self.setting.filter(|setting| setting.version == version)?;
        self.has_fired = true;
        Some(fired)
    }

    #[inline]
    fn settle(&mut self, settling: &mut Settling<'_>) -> Result<(), BoxError> {
        let timer = settling.next_timer();
        let request = std::mem::replace(&mut self.request, Request::None);
        let is_over = std::mem::take(&mut self.has_fired) || settling.is_expired();
        let after = match request {
            Request::None if !is_over => return Ok(()),
            Request::None | Request::Clear => None,
            Request::Set { when, output } => settling.setting(timer, C::DOMAIN, when, output)?,
        };
        if self.setting != after {
            settling.change(timer, 0, self.setting, after);
            self.setting = after;
            self.is_changed = true;
        }
        Ok(())
    }
}

impl<C: Clock> std::fmt::Debug for Timer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = if C::DOMAIN == TimeDomain::EventTime { "EventTimer" } else { "ProcessingTimer" };
        f.debug_struct(name).field("setting", &self.setting).finish()
    }
}
