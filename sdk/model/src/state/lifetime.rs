//! Time to live: how long what was written into a cell is seen (SEMANTICS §8).

use super::Now;
use crate::Element;
use crate::kernel::{TimeDomain, TimeToLive};

/// A second, in milliseconds: for [`Expires`].
pub const SECOND: u64 = 1000;
/// A minute, in milliseconds: for [`Expires`].
pub const MINUTE: u64 = 60 * SECOND;
/// An hour, in milliseconds: for [`Expires`].
pub const HOUR: u64 = 60 * MINUTE;
/// A day of 24 hours, in milliseconds: for [`Expires`].
pub const DAY: u64 = 24 * HOUR;

/// A clock that timers and lifetimes go by: [`EventTime`] or [`ProcessingTime`].
pub trait Clock: Copy + Send + Sync + 'static {
    /// Which one.
    const DOMAIN: TimeDomain;
    /// What it shows, in milliseconds.
    fn read(now: Now) -> i64;
}

/// Event time: for a lifetime the time of the element or timer at hand, for a timer the watermark.
#[derive(Clone, Copy, Debug)]
pub struct EventTime;

/// The clock on the wall. It stands still while a bounded input is read in batch.
#[derive(Clone, Copy, Debug)]
pub struct ProcessingTime;

impl Clock for EventTime {
    const DOMAIN: TimeDomain = TimeDomain::EventTime;

    #[inline]
    fn read(now: Now) -> i64 {
        now.event.millis()
    }
}

impl Clock for ProcessingTime {
    const DOMAIN: TimeDomain = TimeDomain::ProcessingTime;

    #[inline]
    fn read(now: Now) -> i64 {
        now.processing_ms
    }
}

/// How long what was written into a cell is seen: [`Forever`], which means as long as its window lives, or [`Expires`].
pub trait Lifetime: Send + 'static {
    /// A reading of the clock; nothing where there is none.
    type Stamp: Copy + Default + Element;
    /// The declaration.
    const TIME_TO_LIVE: Option<TimeToLive>;
    /// The clock's reading.
    fn stamp(now: Now) -> Self::Stamp;
    /// Whether what was written at `written` is not seen any more at `now`.
    fn is_over(written: Self::Stamp, now: Self::Stamp) -> bool;
}

/// As long as the window lives.
#[derive(Clone, Copy, Debug)]
pub struct Forever;

impl Lifetime for Forever {
    type Stamp = ();
    const TIME_TO_LIVE: Option<TimeToLive> = None;

    #[inline]
    fn stamp(_: Now) {}

    #[inline]
    fn is_over((): (), (): ()) -> bool {
        false
    }
}

/// `MS` milliseconds from the last write on, by `C`, and no longer than the window. In a cell of many entries each has its own last write.
///
/// ```
/// use purlin_model::state::{DAY, EventTime, Expires, HOUR, MapCell, ProcessingTime, State, Value};
///
/// #[derive(State)]
/// # #[state(crate = "purlin_model")]
/// struct Cells {
///     session: Value<u64, Expires<ProcessingTime, { 2 * HOUR }>>,
///     by_device: MapCell<String, i64, Expires<EventTime, { 30 * DAY }>>,
/// }
/// ```
///
/// In processing time an entry is over once that much time has passed since it was written. In event time it is stamped with the time of the
/// element or timer that wrote it, and not seen at times `MS` or more later: so with
/// [time-sorted input](crate::StatefulDoFn::TIME_SORTED_INPUT) what is seen does not depend on the runner. Memory is freed once
/// the watermark has passed that time by the allowed lateness; an element that comes later than that and is not dropped finds nothing.
///
/// A span that is decided at launch is a timer that clears the cell. None at all does not compile:
///
/// ```compile_fail,E0080
/// use purlin_model::state::{EventTime, Expires, Value};
/// let cell = Value::<u64, Expires<EventTime, 0>>::default();
/// cell.get();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Expires<C, const MS: u64>(std::marker::PhantomData<C>);

impl<C: Clock, const MS: u64> Expires<C, MS> {
    const SPAN_MS: i64 = {
        assert!(MS > 0 && MS <= i64::MAX as u64, "a time to live is at least one millisecond");
        MS as i64
    };
}

impl<C: Clock, const MS: u64> Lifetime for Expires<C, MS> {
    type Stamp = i64;
    const TIME_TO_LIVE: Option<TimeToLive> = Some(TimeToLive { domain: C::DOMAIN, span_ms: Self::SPAN_MS });

    #[inline]
    fn stamp(now: Now) -> i64 {
        C::read(now)
    }

    #[inline]
    fn is_over(written: i64, now: i64) -> bool {
        now >= written.saturating_add(Self::SPAN_MS)
    }
}
