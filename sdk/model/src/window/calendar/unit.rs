//! The length of calendar windows: a number of days or of months, and which window a day lies in.
//!
//! Days are numbers counted from 1970-01-01, dates are those of the proleptic Gregorian calendar: plain integers, right for any year.

use std::fmt;

use crate::time::civil_from_days;

/// How long windows are, and where counting starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Windows of `n` days; one begins on day `phase`, which is less than n.
    Days { n: u32, phase: i64 },
    /// Windows of `n` months; one begins in the month with number `phase`, which is less than n, each on day `day`.
    Months { n: u32, phase: i64, day: u8 },
}

impl Unit {
    /// Windows of `n` days, one of which begins on day `start`.
    pub(super) fn days(n: u32, start: i64) -> Self {
        let n = n.max(1);
        Unit::Days { n, phase: start.rem_euclid(n.into()) }
    }

    /// Windows of `n` months, one of which begins on this date.
    pub(super) fn months(n: u32, year: i64, month: u8, day: u8) -> Self {
        let n = n.max(1);
        Unit::Months { n, phase: month_number(year, month).rem_euclid(n.into()), day }
    }

    /// The number of the window that a day lies in.
    pub(super) fn window_of_day(self, day_number: i64) -> i64 {
        match self {
            Unit::Days { n, phase } => (day_number - phase).div_euclid(n.into()),
            Unit::Months { n, phase, day } => {
                let (year, month, day_of_month) = civil_from_days(day_number);
                let begun = day_of_month >= i64::from(last_day_or(day, year, month as u8));
                (month_number(year, month as u8) - i64::from(!begun) - phase).div_euclid(n.into())
            }
        }
    }

    /// The day on which a window begins.
    pub(super) fn first_day(self, window: i64) -> i64 {
        match self {
            Unit::Days { n, phase } => phase + window * i64::from(n),
            Unit::Months { n, phase, day } => {
                let number = phase + window * i64::from(n);
                let (year, month) = (number.div_euclid(12), number.rem_euclid(12) as u8 + 1);
                day_number(year, month, last_day_or(day, year, month))
            }
        }
    }
}

/// With the first date from 1970 on that one begins on: equal for equal windows.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |from: i64| (from..).find(|window| self.first_day(*window) >= 0).unwrap_or(from);
        let (year, month, day) = civil_from_days(self.first_day(first(self.window_of_day(0))));
        match *self {
            Unit::Days { n: 1, .. } => f.write_str("days"),
            Unit::Months { n: 1, day, .. } => write!(f, "months from day {day}"),
            Unit::Days { n, .. } => write!(f, "{n} days from {year:04}-{month:02}-{day:02}"),
            Unit::Months { n, day, .. } => write!(f, "{n} months from {year:04}-{month:02}, day {day}"),
        }
    }
}

/// Months counted from January of year 0.
fn month_number(year: i64, month: u8) -> i64 {
    year * 12 + i64::from(month) - 1
}

/// The day, or the month's last where it has fewer.
fn last_day_or(day: u8, year: i64, month: u8) -> u8 {
    let is_leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    day.min(length)
}

/// Whether there is such a date.
pub(super) fn is_date(year: i64, month: u8, day: u8) -> bool {
    (1..=12).contains(&month) && day >= 1 && last_day_or(day, year, month) == day
}

/// The number of a date's day (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(super) fn day_number(year: i64, month: u8, day: u8) -> i64 {
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let shifted_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
