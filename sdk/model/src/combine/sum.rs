//! Sums.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CombineFn;
use super::of::projecting;
use crate::Element;

/// The sum of the values. Integers wrap around at their bounds, which alone keeps addition associative: widen
/// them first where that could happen. Floats are summed exactly and rounded once, so their order does not matter.
///
/// ```
/// use purlin_model::combine::{CombineFn, Sum};
/// let mut sum = CombineFn::<f64>::create(&Sum);
/// for value in [1e100, 1.0, -1e100] {
///     Sum.add(&mut sum, &value);
/// }
/// assert_eq!(CombineFn::<f64>::extract(&Sum, sum), 1.0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum;

projecting!(Sum);

/// A number that [`Sum`] and [`Mean`](super::Mean) add up.
pub trait Summable: Copy + Element {
    /// What it is added up in.
    type Total: Element + Default;
    /// Adds a value.
    fn add_to(self, total: &mut Self::Total);
    /// Adds another total.
    fn merge_totals(total: &mut Self::Total, other: Self::Total);
    /// The sum.
    fn sum(total: Self::Total) -> Self;
    /// The sum as a float, for means.
    fn sum_as_f64(total: Self::Total) -> f64;
}

impl<N: Summable> CombineFn<N> for Sum {
    type Accumulator = N::Total;
    type Output = N;

    #[inline]
    fn create(&self) -> N::Total {
        N::Total::default()
    }

    #[inline]
    fn add(&self, total: &mut N::Total, value: &N) {
        value.add_to(total);
    }

    fn merge(&self, total: &mut N::Total, other: N::Total) {
        N::merge_totals(total, other);
    }

    fn extract(&self, total: N::Total) -> N {
        N::sum(total)
    }
}

macro_rules! summable_integers {
    ($($integer:ty),+) => {$(
        impl Summable for $integer {
            type Total = $integer;
            #[inline]
            fn add_to(self, total: &mut $integer) {
                *total = total.wrapping_add(self);
            }
            fn merge_totals(total: &mut $integer, other: $integer) {
                *total = total.wrapping_add(other);
            }
            fn sum(total: $integer) -> $integer {
                total
            }
            fn sum_as_f64(total: $integer) -> f64 {
                total as f64
            }
        }
    )+};
}

summable_integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

macro_rules! summable_floats {
    ($($float:ty),+) => {$(
        impl Summable for $float {
            type Total = ExactSum;
            fn add_to(self, total: &mut ExactSum) {
                total.add(f64::from(self));
            }
            fn merge_totals(total: &mut ExactSum, other: ExactSum) {
                total.merge(other);
            }
            fn sum(total: ExactSum) -> $float {
                total.value() as $float
            }
            fn sum_as_f64(total: ExactSum) -> f64 {
                total.value()
            }
        }
    )+};
}

summable_floats!(f32, f64);

/// A sum of floats without error: a list of floats of growing magnitude whose bits do not overlap and whose exact sum is
/// the exact sum of what was added (Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997; Python's `math.fsum`).
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExactSum {
    partials: Vec<f64>,
    /// The plain sum of infinities and NaNs, which have no exact sum.
    special: f64,
}

impl ExactSum {
    /// Adds one value.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.special += value;
            return;
        }
        let mut carried = value;
        let mut kept = 0;
        for i in 0..self.partials.len() {
            let (mut large, mut small) = (carried, self.partials[i]);
            if large.abs() < small.abs() {
                std::mem::swap(&mut large, &mut small);
            }
            let sum = large + small;
            let error = small - (sum - large);
            if error != 0.0 {
                self.partials[kept] = error;
                kept += 1;
            }
            carried = sum;
        }
        self.partials.truncate(kept);
        if carried != 0.0 {
            self.partials.push(carried);
        }
    }

    /// Adds everything that went into `other`.
    pub fn merge(&mut self, other: ExactSum) {
        self.special += other.special;
        for partial in other.partials {
            self.add(partial);
        }
    }

    /// The exact sum, rounded once to the nearest float.
    pub fn value(&self) -> f64 {
        if self.special != 0.0 || self.special.is_nan() {
            return self.special;
        }
        // From the largest down: the first rounding error decides together with the sign of what lies below it.
        let mut partials = self.partials.iter().rev().copied();
        let mut sum = partials.next().unwrap_or(0.0);
        let mut error = 0.0;
        for partial in partials.by_ref() {
            let before = sum;
            sum = before + partial;
            error = partial - (sum - before);
            if error != 0.0 {
                break;
            }
        }
        let below = partials.next().unwrap_or(0.0);
        if (error < 0.0 && below < 0.0) || (error > 0.0 && below > 0.0) {
            let doubled = error * 2.0;
            let rounded = sum + doubled;
            if doubled == rounded - sum {
                return rounded;
            }
        }
        sum
    }
}

impl fmt::Debug for ExactSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExactSum({})", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn float_sums_do_not_depend_on_order_or_grouping(
            values in proptest::collection::vec(-1e12..1e12_f64, 0..40),
            cut in 0..40_usize,
        ) {
            let sum = |values: &[f64]| values.iter().fold(ExactSum::default(), |mut sum, v| { sum.add(*v); sum });
            let forward = sum(&values).value();
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(forward.to_bits(), sum(&reversed).value().to_bits());
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = sum(right);
            merged.merge(sum(left));
            prop_assert_eq!(forward.to_bits(), merged.value().to_bits());
        }
    }
}
