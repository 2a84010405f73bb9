//! Whether a row group may have a row that matches, by the statistics in the footer.
//!
//! "No" must be certain; where statistics are missing, or are of a kind that old writers got wrong, the answer is "maybe".

use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::statistics::Statistics;
use arrow_schema::DataType;

use super::Op;
use super::bound::{Bound, Leaf, Test};

impl Bound {
    /// False only if no row of `group` matches.
    pub(in crate::parquet) fn may_match(&self, group: &RowGroupMetaData) -> bool {
        match self {
            Bound::Leaf(leaf) => leaf.may_match(group),
            Bound::All(parts) => parts.iter().all(|part| part.may_match(group)),
            Bound::Any(parts) => parts.iter().any(|part| part.may_match(group)),
        }
    }
}

impl Leaf {
    fn may_match(&self, group: &RowGroupMetaData) -> bool {
        let Some(statistics) = group.columns().get(self.chunk).and_then(|chunk| chunk.statistics()) else {
            return true;
        };
        let nulls = statistics.null_count_opt();
        let all_null = nulls.is_some_and(|nulls| i128::from(nulls) == i128::from(group.num_rows()));
        match &self.test {
            Test::Null { wanted: true } => nulls != Some(0),
            _ if all_null => false,
            Test::Null { wanted: false } => true,
            Test::Whole { span, inside: true } => {
                whole(statistics, &self.data_type).is_none_or(|(min, max)| span.meets(min, max))
            }
            // Left out is one number: nothing else is there if it is both ends.
            Test::Whole { span, inside: false } => {
                whole(statistics, &self.data_type).is_none_or(|(min, max)| (min, max) != (span.lo, span.hi))
            }
            Test::Float { op, literal } => {
                float(statistics).is_none_or(|(min, max)| overlaps(*op, &min, &max, literal))
            }
            Test::Text { op, literal } => {
                text(statistics).is_none_or(|(min, max)| overlaps(*op, &min, &max, &literal.as_bytes()))
            }
        }
    }
}

/// Whether a value between `min` and `max` may stand to `literal` as `op` says.
fn overlaps<V: PartialOrd>(op: Op, min: &V, max: &V, literal: &V) -> bool {
    match op {
        Op::Eq => min <= literal && literal <= max,
        // The ends of text may be cut off and a NaN stands in no statistics: an end that is the literal says little.
        Op::Ne => true,
        Op::Lt => min < literal,
        Op::Le => min <= literal,
        Op::Gt => max > literal,
        Op::Ge => max >= literal,
    }
}

/// The least and greatest value of a column of integers, timestamps or bools.
fn whole(statistics: &Statistics, data_type: &DataType) -> Option<(i128, i128)> {
    let unsigned = data_type.is_unsigned_integer();
    if unsigned && statistics.is_min_max_deprecated() {
        return None;
    }
    let ends = match statistics {
        Statistics::Boolean(ends) => (i128::from(*ends.min_opt()?), i128::from(*ends.max_opt()?)),
        Statistics::Int32(ends) if unsigned => {
            (i128::from(ends.min_opt()?.cast_unsigned()), i128::from(ends.max_opt()?.cast_unsigned()))
        }
        Statistics::Int32(ends) => (i128::from(*ends.min_opt()?), i128::from(*ends.max_opt()?)),
        Statistics::Int64(ends) if unsigned => {
            (i128::from(ends.min_opt()?.cast_unsigned()), i128::from(ends.max_opt()?.cast_unsigned()))
        }
        Statistics::Int64(ends) => (i128::from(*ends.min_opt()?), i128::from(*ends.max_opt()?)),
        _ => return None,
    };
    (ends.0 <= ends.1).then_some(ends)
}

fn float(statistics: &Statistics) -> Option<(f64, f64)> {
    let ends = match statistics {
        Statistics::Float(ends) => (f64::from(*ends.min_opt()?), f64::from(*ends.max_opt()?)),
        Statistics::Double(ends) => (*ends.min_opt()?, *ends.max_opt()?),
        _ => return None,
    };
    // A NaN among the ends says that the writer ordered them in its own way.
    (ends.0 <= ends.1).then_some(ends)
}

fn text(statistics: &Statistics) -> Option<(&[u8], &[u8])> {
    if statistics.is_min_max_deprecated() {
        return None;
    }
    let ends = (statistics.min_bytes_opt()?, statistics.max_bytes_opt()?);
    (ends.0 <= ends.1).then_some(ends)
}
