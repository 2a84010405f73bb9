//! The arithmetic mean.

use serde::{Deserialize, Serialize};

use super::of::projecting;
use super::{CombineFn, Summable};

/// The mean as an `f64`: the exact (or, for integers, wrapping) sum divided by the count. NaN where there is no value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean;

projecting!(Mean);

/// Sum and count.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MeanAccumulator<T> {
    total: T,
    count: u64,
}

impl<N: Summable> CombineFn<N> for Mean {
    type Accumulator = MeanAccumulator<N::Total>;
    type Output = f64;

    fn create(&self) -> Self::Accumulator {
        MeanAccumulator { total: N::Total::default(), count: 0 }
    }

    #[inline]
    fn add(&self, accumulator: &mut Self::Accumulator, value: &N) {
        value.add_to(&mut accumulator.total);
        accumulator.count += 1;
    }

    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator) {
        N::merge_totals(&mut accumulator.total, other.total);
        accumulator.count += other.count;
    }

    fn extract(&self, accumulator: Self::Accumulator) -> f64 {
        N::sum_as_f64(accumulator.total) / accumulator.count as f64
    }
}
