//! Event time: a signed count of milliseconds since the Unix epoch.
//!
//! The bounds are Beam's (SEMANTICS §1): they leave room below `i64`'s own so that
//! window arithmetic with microseconds on a foreign engine cannot overflow.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant of event time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// ```
/// use purlin_model::{Timestamp, minutes};
/// let at = Timestamp::from_millis(1_700_000_000_000);
/// assert_eq!((at + minutes(1)).millis() - at.millis(), 60_000);
/// assert_eq!(at.to_string(), "2023-11-14T22:13:20Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The smallest timestamp: that of an element which has none.
    pub const MIN: Timestamp = Timestamp(-9_223_372_036_854_775);
    /// The watermark of an input that has ended; no element lies here.
    pub const MAX: Timestamp = Timestamp(9_223_372_036_854_775);
    /// The last timestamp of the global window, and the greatest an element may have: `MAX` less one day.
    pub const GLOBAL_MAX: Timestamp = Timestamp(9_223_371_950_454_775);

    /// The instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whether an element may have this timestamp: it lies in [`MIN`](Self::MIN), [`GLOBAL_MAX`](Self::GLOBAL_MAX).
    pub const fn is_valid_for_element(self) -> bool {
        self.0 >= Self::MIN.0 && self.0 <= Self::GLOBAL_MAX.0
    }

    /// This instant moved by `millis`, kept within `i64`.
    pub const fn saturating_add_millis(self, millis: i64) -> Self {
        Timestamp(self.0.saturating_add(millis))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, by: Duration) -> Timestamp {
        self.saturating_add_millis(millis(by))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, by: Duration) -> Timestamp {
        self.saturating_add_millis(-millis(by))
    }
}

/// RFC 3339 in UTC, with milliseconds only where there are any; the bounds by name.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Timestamp::MIN => return f.write_str("MIN"),
            Timestamp::MAX => return f.write_str("MAX"),
            Timestamp::GLOBAL_MAX => return f.write_str("GLOBAL_MAX"),
            _ => {}
        }
        let (days, in_day) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let (seconds, sub) = (in_day / 1000, in_day % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if sub != 0 {
            write!(f, ".{sub:03}")?;
        }
        f.write_str("Z")
    }
}

/// The proleptic Gregorian date (year, month, day) of a day number (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A duration's whole milliseconds, kept within `i64`.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// `n` milliseconds.
pub const fn milliseconds(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `n` seconds.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes.
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// `n` hours.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

/// `n` days of 24 hours.
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_dates_before_and_after_the_epoch() {
        let check = |millis: i64, text: &str| assert_eq!(Timestamp::from_millis(millis).to_string(), text);
        check(0, "1970-01-01T00:00:00Z");
        check(-1, "1969-12-31T23:59:59.999Z");
        check(951_782_400_000, "2000-02-29T00:00:00Z");
        check(1_436_918_400_000, "2015-07-15T00:00:00Z");
    }

    #[test]
    fn the_bounds_are_beams() {
        assert_eq!(Timestamp::GLOBAL_MAX + days(1), Timestamp::MAX);
        assert!(!Timestamp::MAX.is_valid_for_element());
        assert!(Timestamp::MIN.is_valid_for_element());
    }
}
