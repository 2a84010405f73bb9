//! `Timestamp`: milliseconds, from a column of any unit that says the same in milliseconds.
//!
//! Arrow's timestamps with a time zone count from the epoch in UTC and the zone is for display, so any zone is read
//! as it stands; one without a zone is taken as UTC. Seconds are multiplied. Microseconds and nanoseconds are read
//! only where they are whole milliseconds: a digit is never dropped in silence.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, TimestampMillisecondArray};
use arrow_schema::{DataType, TimeUnit};

use super::option::nulls;
use super::{Cell, RowError};
use crate::Timestamp;

impl Cell for Timestamp {
    const WANTS: &'static str = "Timestamp, of any unit";
    type View<'a> = &'a [i64];

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Millisecond, None)
    }

    fn accepts(found: &DataType) -> bool {
        matches!(found, DataType::Timestamp(..))
    }

    fn adapt(column: &str, array: &ArrayRef) -> Result<ArrayRef, RowError> {
        match array.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => {
                convert::<TimestampSecondType>(column, array, "s", |seconds| seconds.checked_mul(1000))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                convert::<TimestampMicrosecondType>(column, array, "µs", |micros| exact(micros, 1000))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                convert::<TimestampNanosecondType>(column, array, "ns", |nanos| exact(nanos, 1_000_000))
            }
            _ => Ok(array.clone()),
        }
    }

    #[inline]
    fn view(array: &ArrayRef, rows: usize) -> &[i64] {
        &array.as_primitive::<TimestampMillisecondType>().values()[..rows]
    }

    #[inline]
    fn get(view: &&[i64], row: usize) -> Timestamp {
        Timestamp::from_millis(view[row])
    }

    fn write<'a>(
        _column: &str,
        cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
    ) -> Result<ArrayRef, RowError> {
        let millis: Vec<i64> = cells.clone().map(|cell| cell.map_or(0, |at| at.millis())).collect();
        Ok(Arc::new(TimestampMillisecondArray::new(millis.into(), nulls(cells))))
    }
}

/// `value / divisor` if nothing is left over.
fn exact(value: i64, divisor: i64) -> Option<i64> {
    (value % divisor == 0).then_some(value / divisor)
}

/// A column of another unit in milliseconds, or the first row whose value has none.
fn convert<T: ArrowTimestampType>(
    column: &str,
    array: &ArrayRef,
    unit: &str,
    to_millis: impl Fn(i64) -> Option<i64>,
) -> Result<ArrayRef, RowError> {
    let array = array.as_primitive::<T>();
    let converted = array.try_unary::<_, TimestampMillisecondType, _>(|value| to_millis(value).ok_or(value));
    match converted {
        Ok(millis) => Ok(Arc::new(millis)),
        Err(value) => Err(RowError::Value {
            column: column.to_owned(),
            // A null slot may hold the same number.
            row: array.iter().position(|cell| cell == Some(value)).unwrap_or_default(),
            problem: format!(
                "{value} {unit} is not a whole number of milliseconds within an i64, which is what a Timestamp holds: \
                 round the column where it is written"
            ),
        }),
    }
}
