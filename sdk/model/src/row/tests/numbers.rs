//! Numbers: what is widened, and that nothing is narrowed.

use std::fmt::Debug;

use arrow_array::*;

use super::{check, refuse};
use crate::Timestamp;
use crate::row::Cell;

#[test]
fn narrower_numbers_are_widened() {
    check::<i16>(Int8Array::from(vec![i8::MIN, i8::MAX]), [i8::MIN, i8::MAX]);
    check::<i16>(UInt8Array::from(vec![0, u8::MAX]), [0, u8::MAX]);
    check::<i32>(UInt16Array::from(vec![0, u16::MAX]), [0, u16::MAX]);
    check::<i64>(Int8Array::from(vec![i8::MIN, i8::MAX]), [i8::MIN, i8::MAX]);
    check::<i64>(Int16Array::from(vec![i16::MIN, i16::MAX]), [i16::MIN, i16::MAX]);
    check::<i64>(Int32Array::from(vec![i32::MIN, i32::MAX]), [i32::MIN, i32::MAX]);
    check::<i64>(UInt32Array::from(vec![0, u32::MAX]), [0, u32::MAX]);
    check::<u64>(UInt32Array::from(vec![0, u32::MAX]), [0, u32::MAX]);
    check::<f64>(Float32Array::from(vec![0.1, f32::MAX]), [0.1_f32, f32::MAX]);
    check::<Option<i64>>(Int32Array::from(vec![Some(1), None, Some(-3)]), [Some(1), None, Some(-3)]);
}

#[test]
fn numbers_are_never_narrowed_or_reinterpreted() {
    #[track_caller]
    fn check<T: Cell + Debug>(array: impl Array + 'static, found: &str, wants: &str) {
        let refusal = format!("column `c` is {found}, but the field wants {wants}; the columns are `c` {found}");
        refuse::<T>(array, &refusal);
    }
    check::<i8>(UInt8Array::from(vec![1]), "UInt8", "Int8");
    check::<i32>(Int64Array::from(vec![1]), "Int64", "Int32 or a narrower integer");
    check::<i64>(UInt64Array::from(vec![1]), "UInt64", "Int64 or a narrower integer");
    check::<i64>(TimestampSecondArray::from(vec![1]), "Timestamp(s)", "Int64 or a narrower integer");
    check::<u64>(Int8Array::from(vec![1]), "Int8", "UInt64 or a narrower unsigned integer");
    check::<f64>(Int64Array::from(vec![1]), "Int64", "Float64 or Float32");
    check::<bool>(Int8Array::from(vec![1]), "Int8", "Boolean");
    check::<Timestamp>(Int64Array::from(vec![1]), "Int64", "Timestamp, of any unit");
}
