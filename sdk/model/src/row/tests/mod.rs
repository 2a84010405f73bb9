//! What each cell reads, and what it refuses in which words; through `read_column` and `write_column`.

mod blobs;
mod columns;
mod numbers;
mod timestamps;

use std::fmt::Debug;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};

use super::{Cell, RowError, read_column, write_column};
use crate::{CompactString, Timestamp};

fn batch_of(array: impl Array + 'static) -> RecordBatch {
    let array: ArrayRef = Arc::new(array);
    let schema = Schema::new(vec![Field::new("c", array.data_type().clone(), true)]);
    RecordBatch::try_new(Arc::new(schema), vec![array]).expect("one column")
}

fn read<T: Cell>(batch: &RecordBatch) -> Result<Vec<T>, RowError> {
    let array = read_column::<T>(batch, "c")?;
    let view = T::view(&array, batch.num_rows());
    Ok((0..batch.num_rows()).map(|row| T::get(&view, row)).collect())
}

#[track_caller]
fn check<T: Cell + Debug + PartialEq>(array: impl Array + 'static, cells: impl IntoIterator<Item = impl Into<T>>) {
    let batch = batch_of(array);
    let cells: Vec<T> = cells.into_iter().map(Into::into).collect();
    assert_eq!(read::<T>(&batch).expect("read"), cells);
    let tail = batch.slice(1, batch.num_rows() - 1);
    assert_eq!(read::<T>(&tail).expect("read"), cells[1..], "sliced");
}

#[track_caller]
fn refuse<T: Cell + Debug>(array: impl Array + 'static, refusal: &str) {
    assert_eq!(read::<T>(&batch_of(array)).expect_err("refused").to_string(), refusal);
}

#[track_caller]
fn round_trip<T: Cell + Clone + Debug + PartialEq>(cells: &[T]) {
    let optional: Vec<Option<T>> = cells.iter().cloned().map(Some).chain([None]).collect();
    for rows in 0..=cells.len() {
        let array = write_column("c", cells[..rows].iter()).expect("written");
        assert_eq!((array.data_type(), array.null_count()), (&T::data_type(), 0));
        assert_eq!(read::<T>(&batch_of(array)).expect("read"), cells[..rows]);
    }
    let array = write_column("c", optional.iter()).expect("written");
    assert_eq!((array.data_type(), array.null_count()), (&T::data_type(), 1));
    assert_eq!(read::<Option<T>>(&batch_of(array)).expect("read"), optional);
}

#[test]
fn what_is_written_is_read() {
    round_trip(&[i8::MIN, 0, i8::MAX]);
    round_trip(&[i16::MIN, 0, i16::MAX]);
    round_trip(&[i32::MIN, 0, i32::MAX]);
    round_trip(&[i64::MIN, 0, i64::MAX]);
    round_trip(&[0, u8::MAX]);
    round_trip(&[0, u16::MAX]);
    round_trip(&[0, u32::MAX]);
    round_trip(&[0, u64::MAX]);
    round_trip(&[f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE]);
    round_trip(&[f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE]);
    round_trip(&[true, false, true]);
    round_trip(&[String::new(), "/".into(), "a longer text, é".into()]);
    round_trip::<CompactString>(&["".into(), "/".into(), "a text of more than twenty-four bytes, é".into()]);
    round_trip::<Arc<str>>(&["".into(), "/".into(), "a longer text, é".into()]);
    round_trip(&[vec![], vec![0, 0xff], vec![7; 100]]);
    round_trip::<Arc<[u8]>>(&[Arc::from([]), Arc::from([0, 0xff]), Arc::from([7; 100])]);
    round_trip(&[Timestamp::MIN, Timestamp::from_millis(-1), Timestamp::MAX, Timestamp::from_millis(i64::MAX)]);
}
