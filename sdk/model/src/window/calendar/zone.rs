//! A time zone: which local day an instant lies in, and when a local day begins.
//!
//! The database's rules, and the Gregorian calendar with them, repeat every 400 years before its first change and after its
//! last, and the library knows some 10 000 years either way. So instants beyond are looked up in the same year of such a cycle
//! within, and what is found is right for every timestamp.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use crate::time::civil_from_days;

const DAY_MS: i64 = 86_400_000;
/// The days of 400 years, after which dates, weekdays and the clocks' rules repeat.
const CYCLE_DAYS: i64 = 146_097;
/// The cycles, counted from 1970, that the library knows as a whole: the years -6030 to 9969.
const CYCLES_MIN: i64 = -20;
const CYCLES_MAX: i64 = 19;

/// A time zone of the database that is part of the program.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    zone: TimeZone,
}

impl Zone {
    pub(super) fn utc() -> Self {
        Zone { zone: TimeZone::UTC }
    }

    /// The zone of this IANA name, in whatever case it is written.
    pub(super) fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(|zone| Zone { zone })
    }

    /// The number of the local day at an instant, counted from 1970-01-01.
    pub(super) fn local_day(&self, at_ms: i64) -> i64 {
        let cycles = cycles_beyond(at_ms.div_euclid(DAY_MS));
        let within_ms = at_ms - cycles * CYCLE_DAYS * DAY_MS;
        let offset = self.zone.to_offset(instant(within_ms));
        (within_ms + offset_ms(offset)).div_euclid(DAY_MS) + cycles * CYCLE_DAYS
    }

    /// How far clocks are ahead of UTC at an instant.
    #[cfg(test)]
    pub(super) fn offset_seconds(&self, at_ms: i64) -> i32 {
        let cycles = cycles_beyond(at_ms.div_euclid(DAY_MS));
        self.zone.to_offset(instant(at_ms - cycles * CYCLE_DAYS * DAY_MS)).seconds()
    }

    /// The first instant at which clocks show that day or a later one, in milliseconds.
    pub(super) fn start_of_day_ms(&self, day: i64) -> i128 {
        let cycles = cycles_beyond(day);
        let within = self.start_of_day_within_ms(day - cycles * CYCLE_DAYS);
        i128::from(within) + i128::from(cycles) * i128::from(CYCLE_DAYS * DAY_MS)
    }

    fn start_of_day_within_ms(&self, day: i64) -> i64 {
        let (year, month, day_of_month) = civil_from_days(day);
        let date = Date::constant(year as i16, month as i8, day_of_month as i8);
        let midnight_ms = day * DAY_MS;
        match self.zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).offset() {
            AmbiguousOffset::Unambiguous { offset } => midnight_ms - offset_ms(offset),
            // Shown twice: the first time.
            AmbiguousOffset::Fold { before, .. } => midnight_ms - offset_ms(before),
            // Never shown: the clocks were put forward over it, at the last change before it would have been.
            AmbiguousOffset::Gap { before, .. } => {
                let would_be_ms = midnight_ms - offset_ms(before);
                let change = self.zone.preceding(instant(would_be_ms + 1)).next();
                change.map_or(would_be_ms, |change| change.timestamp().as_millisecond())
            }
        }
    }
}

/// The zone's name.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.zone.iana_name().unwrap_or("UTC"))
    }
}

/// How many cycles a day lies beyond those that the library knows.
fn cycles_beyond(day: i64) -> i64 {
    let cycle = day.div_euclid(CYCLE_DAYS);
    cycle - cycle.clamp(CYCLES_MIN, CYCLES_MAX)
}

fn instant(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::constant(ms.div_euclid(1000), ms.rem_euclid(1000) as i32 * 1_000_000)
}

fn offset_ms(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1000
}
