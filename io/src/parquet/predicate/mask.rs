//! Which rows of a batch match: one pass per compared column over native values.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, TimeUnit};

use super::Op;
use super::bound::{Bound, Leaf, Span, Test};

impl Bound {
    /// One bit per row of `batch`, or the type that a column has beyond what binding has seen.
    pub(in crate::parquet) fn mask(&self, batch: &RecordBatch) -> Result<BooleanBuffer, String> {
        match self {
            Bound::Leaf(leaf) => leaf.mask(batch),
            Bound::All(parts) => fold(parts, batch, |all, part| &all & &part),
            Bound::Any(parts) => fold(parts, batch, |any, part| &any | &part),
        }
    }
}

fn fold(
    parts: &[Bound],
    batch: &RecordBatch,
    join: impl Fn(BooleanBuffer, BooleanBuffer) -> BooleanBuffer,
) -> Result<BooleanBuffer, String> {
    let mut masks = parts.iter().map(|part| part.mask(batch));
    let first = masks.next().unwrap_or_else(|| Ok(BooleanBuffer::new_set(batch.num_rows())))?;
    masks.try_fold(first, |so_far, next| Ok(join(so_far, next?)))
}

impl Leaf {
    fn mask(&self, batch: &RecordBatch) -> Result<BooleanBuffer, String> {
        let array = batch.column_by_name(&self.column).ok_or_else(|| format!("no column `{}`", self.column))?;
        let nulls = array.logical_nulls();
        if let Test::Null { wanted } = self.test {
            return Ok(match (nulls, wanted) {
                (Some(nulls), true) => !nulls.inner(),
                (Some(nulls), false) => nulls.into_inner(),
                (None, wanted) => BooleanBuffer::collect_bool(array.len(), |_| !wanted),
            });
        }
        let values = match &self.test {
            Test::Whole { span, inside } => {
                let within = whole(array, *span)?;
                if *inside { within } else { !&within }
            }
            Test::Float { op, literal } => float(array, *op, *literal)?,
            Test::Text { op, literal } => text(array, *op, literal)?,
            Test::Null { .. } => unreachable!("answered above"),
        };
        Ok(match nulls {
            Some(nulls) => &values & nulls.inner(),
            None => values,
        })
    }
}

fn unexpected(array: &ArrayRef) -> String {
    format!("a column of type {} is not compared", array.data_type())
}

/// Which values lie in `span`. What stands at nulls is anything.
fn whole(array: &ArrayRef, span: Span) -> Result<BooleanBuffer, String> {
    use DataType::*;
    Ok(match array.data_type() {
        Int8 => within::<Int8Type>(array, span),
        Int16 => within::<Int16Type>(array, span),
        Int32 => within::<Int32Type>(array, span),
        Int64 => within::<Int64Type>(array, span),
        UInt8 => within::<UInt8Type>(array, span),
        UInt16 => within::<UInt16Type>(array, span),
        UInt32 => within::<UInt32Type>(array, span),
        UInt64 => within::<UInt64Type>(array, span),
        Timestamp(TimeUnit::Second, _) => within::<TimestampSecondType>(array, span),
        Timestamp(TimeUnit::Millisecond, _) => within::<TimestampMillisecondType>(array, span),
        Timestamp(TimeUnit::Microsecond, _) => within::<TimestampMicrosecondType>(array, span),
        Timestamp(TimeUnit::Nanosecond, _) => within::<TimestampNanosecondType>(array, span),
        Boolean => {
            let values = array.as_boolean().values();
            match (span.meets(0, 0), span.meets(1, 1)) {
                (true, true) => BooleanBuffer::new_set(array.len()),
                (false, true) => values.clone(),
                (true, false) => !values,
                (false, false) => BooleanBuffer::new_unset(array.len()),
            }
        }
        _ => return Err(unexpected(array)),
    })
}

/// The span cut to the native type, so that the loop compares native values.
fn within<T: ArrowPrimitiveType>(array: &ArrayRef, span: Span) -> BooleanBuffer
where
    T::Native: Ord + Into<i128> + TryFrom<i128> + arrow_array::ArrowNativeTypeOp,
{
    use arrow_array::ArrowNativeTypeOp;
    let array: &PrimitiveArray<T> = array.as_primitive();
    let (min, max) = (T::Native::MIN_TOTAL_ORDER, T::Native::MAX_TOTAL_ORDER);
    if !span.meets(min.into(), max.into()) {
        return BooleanBuffer::new_unset(array.len());
    }
    // An end that does not fit lies beyond the type's own.
    let (lo, hi) = (T::Native::try_from(span.lo).unwrap_or(min), T::Native::try_from(span.hi).unwrap_or(max));
    let values = array.values();
    BooleanBuffer::collect_bool(values.len(), |row| (lo <= values[row]) & (values[row] <= hi))
}

fn float(array: &ArrayRef, op: Op, literal: f64) -> Result<BooleanBuffer, String> {
    match array.data_type() {
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values();
            Ok(compare(values.len(), op, |row| f64::from(values[row]), literal))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            Ok(compare(values.len(), op, |row| values[row], literal))
        }
        _ => Err(unexpected(array)),
    }
}

fn text(array: &ArrayRef, op: Op, literal: &str) -> Result<BooleanBuffer, String> {
    let rows = array.len();
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            compare(rows, op, |row| values.value(row), literal)
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            compare(rows, op, |row| values.value(row), literal)
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            compare(rows, op, |row| values.value(row), literal)
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            if dictionary.values().is_empty() {
                return Ok(BooleanBuffer::new_unset(rows));
            }
            let entries = text(dictionary.values(), op, literal)?;
            let keys = dictionary.normalized_keys();
            BooleanBuffer::collect_bool(rows, |row| entries.value(keys[row]))
        }
        _ => return Err(unexpected(array)),
    })
}

/// Which of the `rows` values stand to `literal` as `op` says. A NaN does so only by "not equal".
fn compare<V: PartialOrd>(rows: usize, op: Op, value: impl Fn(usize) -> V, literal: V) -> BooleanBuffer {
    match op {
        Op::Eq => BooleanBuffer::collect_bool(rows, |row| value(row) == literal),
        Op::Ne => BooleanBuffer::collect_bool(rows, |row| value(row) != literal),
        Op::Lt => BooleanBuffer::collect_bool(rows, |row| value(row) < literal),
        Op::Le => BooleanBuffer::collect_bool(rows, |row| value(row) <= literal),
        Op::Gt => BooleanBuffer::collect_bool(rows, |row| value(row) > literal),
        Op::Ge => BooleanBuffer::collect_bool(rows, |row| value(row) >= literal),
    }
}
