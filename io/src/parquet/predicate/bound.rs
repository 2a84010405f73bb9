//! A condition bound to one file: columns found, literals turned into what the column's type is compared with.
//!
//! Integers, bools and timestamps are all whole numbers, and every comparison of a whole number asks whether it lies
//! in a [`Span`]. Binding turns the literal into that span in the column's own unit, so the loops over rows and
//! the look at the statistics compare native values and know nothing of operators.

use std::collections::BTreeSet;

use ::parquet::schema::types::SchemaDescriptor;
use arrow_schema::{DataType, Schema, TimeUnit};

use super::{Literal, Node, Op, Predicate, Value};

/// A condition on the columns of one file.
#[derive(Debug)]
pub(in crate::parquet) enum Bound {
    Leaf(Leaf),
    All(Vec<Bound>),
    Any(Vec<Bound>),
}

/// A condition on one column.
#[derive(Debug)]
pub(in crate::parquet) struct Leaf {
    pub(super) column: String,
    /// Its place among the file's top-level columns.
    pub(super) root: usize,
    /// Its place among the column chunks of a row group.
    pub(super) chunk: usize,
    pub(super) data_type: DataType,
    pub(super) test: Test,
}

#[derive(Debug)]
pub(super) enum Test {
    Whole { span: Span, inside: bool },
    Float { op: Op, literal: f64 },
    Text { op: Op, literal: String },
    Null { wanted: bool },
}

/// The whole numbers from `lo` to `hi`, both included; none if `lo` is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) lo: i128,
    pub(super) hi: i128,
}

impl Bound {
    /// The condition on a file of these columns, or why it makes no sense there.
    pub(in crate::parquet) fn bind(
        predicate: &Predicate,
        columns: &Schema,
        stored: &SchemaDescriptor,
    ) -> Result<Bound, String> {
        let bind_all = |parts: &[Predicate]| -> Result<Vec<Bound>, String> {
            parts.iter().map(|part| Bound::bind(part, columns, stored)).collect()
        };
        Ok(match &predicate.0 {
            Node::All(parts) => Bound::All(bind_all(parts)?),
            Node::Any(parts) => Bound::Any(bind_all(parts)?),
            Node::Null { column, wanted } => {
                Bound::Leaf(Leaf::new(column, columns, stored, |_| Ok(Test::Null { wanted: *wanted }))?)
            }
            Node::Compare { column, op, literal } => {
                Bound::Leaf(Leaf::new(column, columns, stored, |found| test(found, *op, literal))?)
            }
        })
    }

    /// Adds the places of the columns that are compared.
    pub(in crate::parquet) fn roots(&self, into: &mut BTreeSet<usize>) {
        match self {
            Bound::Leaf(leaf) => {
                into.insert(leaf.root);
            }
            Bound::All(parts) | Bound::Any(parts) => parts.iter().for_each(|part| part.roots(into)),
        }
    }
}

impl Leaf {
    fn new(
        column: &str,
        columns: &Schema,
        stored: &SchemaDescriptor,
        test: impl FnOnce(&DataType) -> Result<Test, String>,
    ) -> Result<Leaf, String> {
        let mut places = columns.fields().iter().enumerate().filter(|(_, field)| field.name() == column);
        let (root, field) = match (places.next(), places.next()) {
            (Some(found), None) => found,
            (None, _) => {
                let names: Vec<&str> = columns.fields().iter().map(|field| field.name().as_str()).collect();
                return Err(format!("there is no column `{column}`; the columns are {}", names.join(", ")));
            }
            (Some(_), Some(_)) => return Err(format!("more than one column is called `{column}`")),
        };
        let chunk = (0..stored.num_columns())
            .find(|leaf| stored.get_column_root_idx(*leaf) == root)
            .filter(|_| !field.data_type().is_nested())
            .ok_or_else(|| format!("column `{column}` is nested ({}), and is not compared", field.data_type()))?;
        let test = test(field.data_type()).map_err(|problem| format!("column `{column}` is {problem}"))?;
        Ok(Leaf { column: column.to_owned(), root, chunk, data_type: field.data_type().clone(), test })
    }
}

/// How a column of type `found` is compared, or both types in words.
fn test(found: &DataType, op: Op, literal: &Literal) -> Result<Test, String> {
    let whole = |span: Span| Test::Whole { span, inside: op != Op::Ne };
    let text = match found {
        DataType::Dictionary(_, values) => is_text(values),
        plain => is_text(plain),
    };
    Ok(match (&literal.0, found) {
        (Value::Whole(value), found) if found.is_integer() => whole(Span::of(op, *value)),
        (Value::Bool(value), DataType::Boolean) => whole(Span::of(op, i128::from(*value))),
        (Value::Time(at), DataType::Timestamp(unit, _)) => whole(Span::of_time(op, i128::from(at.millis()), *unit)),
        (Value::Float(value), DataType::Float32 | DataType::Float64) => Test::Float { op, literal: *value },
        (Value::Whole(value), DataType::Float32 | DataType::Float64) if is_exact(*value) => {
            Test::Float { op, literal: *value as f64 }
        }
        (Value::Text(value), _) if text => Test::Text { op, literal: value.clone() },
        (value, found) => {
            let kind = match value {
                Value::Whole(_) => "the integer",
                Value::Float(_) => "the float",
                Value::Bool(_) => "the bool",
                Value::Text(_) => "the text",
                Value::Time(_) => "the Timestamp",
            };
            return Err(format!("{found}, which is not compared with {kind} {literal}: compare it with its own type"));
        }
    })
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether an f64 holds the integer as it is.
fn is_exact(value: i128) -> bool {
    value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS
}

impl Span {
    /// Beyond every value of 64 bits, and far from an i128's own ends.
    const FAR: i128 = 1 << 100;

    /// The numbers `n` with `n op value`; of "not equal" those that are left out.
    fn of(op: Op, value: i128) -> Span {
        match op {
            Op::Eq | Op::Ne => Span { lo: value, hi: value },
            Op::Lt => Span { lo: -Span::FAR, hi: value - 1 },
            Op::Le => Span { lo: -Span::FAR, hi: value },
            Op::Gt => Span { lo: value + 1, hi: Span::FAR },
            Op::Ge => Span { lo: value, hi: Span::FAR },
        }
    }

    /// The same in the column's unit, where that is finer or coarser than the literal's milliseconds.
    fn of_time(op: Op, millis: i128, unit: TimeUnit) -> Span {
        match unit {
            TimeUnit::Millisecond => Span::of(op, millis),
            TimeUnit::Microsecond => Span::of(op, millis * 1_000),
            TimeUnit::Nanosecond => Span::of(op, millis * 1_000_000),
            TimeUnit::Second => {
                let Span { lo, hi } = Span::of(op, millis);
                Span { lo: -(-lo).div_euclid(1_000), hi: hi.div_euclid(1_000) }
            }
        }
    }

    /// Whether it has a number between `min` and `max`, both included.
    pub(super) fn meets(self, min: i128, max: i128) -> bool {
        self.lo <= self.hi && self.lo <= max && min <= self.hi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_compared_exactly_with_milliseconds() {
        for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge] {
            for millis in [-2_001i128, -2_000, -1_999, -1, 0, 1, 999, 1_000, 1_001] {
                let span = Span::of_time(op, millis, TimeUnit::Second);
                for seconds in -4i128..=4 {
                    let stored = seconds * 1_000;
                    let expected = match op {
                        Op::Eq => stored == millis,
                        Op::Ne => stored != millis,
                        Op::Lt => stored < millis,
                        Op::Le => stored <= millis,
                        Op::Gt => stored > millis,
                        Op::Ge => stored >= millis,
                    };
                    let inside = (span.lo..=span.hi).contains(&seconds);
                    assert_eq!(inside == (op != Op::Ne), expected, "{seconds} s {op} {millis} ms");
                }
            }
        }
    }
}
