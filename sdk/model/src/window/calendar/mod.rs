//! Calendar windows: days, weeks, months and years as the clocks of a time zone show them.
//!
//! Which window a local day lies in is arithmetic on day numbers ([`unit`]); when a local day begins is the time zone's
//! business ([`zone`]). So a window begins with the first instant of a local day, at midnight or, where clocks skip it, just after.

mod unit;
mod zone;

use unit::{Unit, day_number, is_date};
use zone::Zone;

use super::by_run::assign_by_run;
use super::{Window, WindowFn, WindowSet};
use crate::Timestamp;
use crate::bundle::Column;

/// Windows of some days, weeks, months or years, one after the other, in a time zone.
///
/// They begin and end with local days, so a day may last 23 or 25 hours. Zones are IANA's, from a database that is part of
/// the program: the same on every machine. Far beyond its years the rules that hold at its ends go on for ever.
///
/// ```
/// use purlin_model::{Timestamp, window::{Calendar, Weekday, WindowFn}};
///
/// let weeks = Calendar::weeks(1, Weekday::Monday).in_zone("Europe/Berlin");
/// let tax_years = Calendar::years(1).starting(2024, 4, 6).in_zone("Europe/London");
///
/// let noon = Timestamp::from_millis(1_711_882_800_000); // 2024-03-31T11:00:00Z: the clocks go forward in Berlin
/// let day = Calendar::days(1).in_zone("Europe/Berlin").assign(noon).first();
/// assert_eq!(day.to_string(), "[2024-03-30T23:00:00Z, 2024-03-31T22:00:00Z)");
/// # let _ = (weeks, tax_years);
/// ```
#[derive(Clone, Debug)]
pub struct Calendar {
    unit: Unit,
    zone: Zone,
    problem: Option<String>,
}

/// A day of the week, for [`Calendar::weeks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // They say it themselves.
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Calendar {
    /// Windows of `n` days, counted from 1970-01-01. Zero is taken as one, here and below.
    pub fn days(n: u32) -> Self {
        Calendar::of(Unit::days(n, 0))
    }

    /// Windows of `n` weeks that begin on `weekday`, counted from the week (Monday to Sunday) of 1970-01-01.
    pub fn weeks(n: u32, weekday: Weekday) -> Self {
        const MONDAY_BEFORE_EPOCH: i64 = -3;
        Calendar::of(Unit::days(n.max(1).saturating_mul(7), MONDAY_BEFORE_EPOCH + weekday as i64))
    }

    /// Windows of `n` months, counted from January 1970.
    pub fn months(n: u32) -> Self {
        Calendar::of(Unit::months(n, 1970, 1, 1))
    }

    /// Windows of `n` years, counted from 1970.
    pub fn years(n: u32) -> Self {
        Calendar::of(Unit::months(n.max(1).saturating_mul(12), 1970, 1, 1))
    }

    /// One window begins on this date, and with it all others: weeks then begin on its weekday, months on its day and years on
    /// its month and day. A day that a month does not have is that month's last.
    ///
    /// A date that does not exist is refused where the windows are given to a collection.
    pub fn starting(self, year: i16, month: u8, day: u8) -> Self {
        let year = i64::from(year);
        if !is_date(year, month, day) {
            return self
                .refused(format!("there is no date {year:04}-{month:02}-{day:02} for calendar windows to start on"));
        }
        let unit = match self.unit {
            Unit::Days { n, .. } => Unit::days(n, day_number(year, month, day)),
            Unit::Months { n, .. } => Unit::months(n, year, month, day),
        };
        Calendar { unit, ..self }
    }

    /// Days are those of this IANA time zone, such as `Europe/Berlin`; of UTC unless said.
    ///
    /// A zone that does not exist is refused where the windows are given to a collection.
    pub fn in_zone(self, name: &str) -> Self {
        match Zone::named(name) {
            Some(zone) => Calendar { zone, ..self },
            None => self.refused(format!(
                "there is no time zone `{name}`; calendar windows want an IANA name such as `Europe/Berlin` or `UTC`"
            )),
        }
    }

    fn of(unit: Unit) -> Self {
        Calendar { unit, zone: Zone::utc(), problem: None }
    }

    fn refused(self, problem: String) -> Self {
        Calendar { problem: self.problem.or(Some(problem)), ..self }
    }

    /// When window `number` begins, in milliseconds. Grows with the number; beyond any timestamp for numbers that are.
    fn start_ms(&self, number: i64) -> i128 {
        self.zone.start_of_day_ms(self.unit.first_day(number))
    }

    /// The one window that `at` lies in.
    fn window(&self, at: Timestamp) -> Window {
        let at_ms = i128::from(at.millis());
        // The local date tells the window but for the hours that a clock shows twice around midnight.
        let mut number = self.unit.window_of_day(self.zone.local_day(at.millis()));
        while at_ms < self.start_ms(number) {
            number -= 1;
        }
        let mut end_ms = self.start_ms(number + 1);
        while at_ms >= end_ms {
            number += 1;
            end_ms = self.start_ms(number + 1);
        }
        Window::new(clamped(self.start_ms(number)), clamped(end_ms))
    }
}

fn clamped(ms: i128) -> Timestamp {
    Timestamp::from_millis(ms.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

impl WindowFn for Calendar {
    /// Equal names for equal windows, however they were asked for: a year is twelve months, a week seven days.
    fn name(&self) -> String {
        format!("calendar({}, {})", self.unit, self.zone)
    }

    fn problem(&self) -> Option<String> {
        self.problem.clone()
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        WindowSet::one(self.window(at))
    }

    /// A bundle has elements of few windows, in whatever order: each window is looked up once.
    fn assign_all(&self, timestamps: &[Timestamp], windows: &mut Column<WindowSet>) {
        let mut known: Vec<Window> = Vec::new();
        assign_by_run(timestamps, windows, |at| {
            let after = known.partition_point(|window| window.start <= at);
            match known[..after].last() {
                Some(window) if window.contains(at) => WindowSet::one(*window),
                _ => {
                    known.insert(after, self.window(at));
                    WindowSet::one(known[after])
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
