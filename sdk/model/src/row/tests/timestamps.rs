//! Timestamps: every unit and zone, as long as no digit is lost.

use arrow_array::*;

use super::{check, refuse};
use crate::Timestamp;

#[test]
fn timestamps_are_read_from_every_unit_and_zone() {
    let at = |millis: [i64; 3]| millis.map(Timestamp::from_millis);
    check::<Timestamp>(TimestampSecondArray::from(vec![-1, 0, 2]), at([-1000, 0, 2000]));
    check::<Timestamp>(TimestampMillisecondArray::from(vec![-1, 0, 2]), at([-1, 0, 2]));
    check::<Timestamp>(TimestampMicrosecondArray::from(vec![-1000, 0, 2000]), at([-1, 0, 2]));
    check::<Timestamp>(TimestampNanosecondArray::from(vec![-1_000_000, 0, 2_000_000]), at([-1, 0, 2]));
    check::<Timestamp>(TimestampMillisecondArray::from(vec![-1, 0, 2]).with_timezone("+02:00"), at([-1, 0, 2]));
    check::<Timestamp>(TimestampSecondArray::from(vec![-1, 0, 2]).with_timezone_utc(), at([-1000, 0, 2000]));
}

#[test]
fn a_timestamp_that_is_no_whole_millisecond_is_refused() {
    refuse::<Timestamp>(
        TimestampMicrosecondArray::from(vec![1000, -1]),
        "column `c`, row 1 of the batch: -1 µs is not a whole number of milliseconds within an i64, which is what a \
         Timestamp holds: round the column where it is written",
    );
    refuse::<Option<Timestamp>>(
        TimestampNanosecondArray::from(vec![None, Some(1_000_001)]),
        "column `c`, row 1 of the batch: 1000001 ns is not a whole number of milliseconds within an i64, which is \
         what a Timestamp holds: round the column where it is written",
    );
    refuse::<Timestamp>(
        TimestampSecondArray::from(vec![i64::MAX]),
        "column `c`, row 0 of the batch: 9223372036854775807 s is not a whole number of milliseconds within an i64, \
         which is what a Timestamp holds: round the column where it is written",
    );
}

#[test]
fn what_a_null_slot_holds_is_not_looked_at() {
    let micros = TimestampMicrosecondArray::new(vec![1000, 1].into(), Some(vec![true, false].into()));
    check::<Option<Timestamp>>(micros, [Some(Timestamp::from_millis(1)), None]);
}
