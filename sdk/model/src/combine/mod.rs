//! Combiners: how many values become one.
//!
//! A [`CombineFn`] folds values into an accumulator, merges accumulators made apart, and turns one into a result.
//! The standard ones are [`Sum`], [`Count`], [`Min`], [`Max`], [`Mean`], [`Top`], [`Sample`] and [`Distinct`]; `Sum.of(|o: &Order| o.amount)`
//! projects first, and a tuple of combiners makes one pass over the values for all of them.

mod by_time;
mod count;
mod distinct;
mod encoding;
mod extremum;
mod mean;
mod of;
mod sample;
mod sum;
mod to_vec;
mod top;
mod top_by;
mod tuple;
mod two_steps;

pub(crate) use by_time::ByTime;
pub use count::Count;
pub use distinct::Distinct;
pub use extremum::{Max, Min};
pub use mean::{Mean, MeanAccumulator};
pub use of::Of;
pub use sample::Sample;
pub use sum::{ExactSum, Sum, Summable};
pub use to_vec::{ToMap, ToMultimap, ToVec};
pub use top::Top;
pub use top_by::TopBy;
pub(crate) use two_steps::{Accumulating, Merging};

use std::sync::Arc;

use crate::Element;

/// Folds values of `In` into one output.
///
/// Laws: `merge` is associative and commutative, and a fresh accumulator is its neutral element; how the values were
/// split over accumulators cannot be told from the result. Runners rely on it.
///
/// A user's own combiner, the geometric mean:
///
/// ```
/// use purlin_model::combine::CombineFn;
///
/// struct GeometricMean;
///
/// impl CombineFn<f64> for GeometricMean {
///     type Accumulator = (Vec<f64>,);
///     type Output = f64;
///     fn create(&self) -> (Vec<f64>,) { (Vec::new(),) }
///     fn add(&self, (logs,): &mut (Vec<f64>,), value: &f64) { logs.push(value.ln()) }
///     fn merge(&self, (logs,): &mut (Vec<f64>,), (other,): (Vec<f64>,)) { logs.extend(other) }
///     fn extract(&self, (mut logs,): (Vec<f64>,)) -> f64 {
///         logs.sort_by(f64::total_cmp); // one order whatever the arrival: float addition is not associative
///         (logs.iter().sum::<f64>() / logs.len() as f64).exp()
///     }
/// }
/// ```
pub trait CombineFn<In>: Send + Sync + 'static {
    /// What values are folded into.
    type Accumulator: Element;
    /// The result.
    type Output: Element;

    /// The neutral accumulator.
    fn create(&self) -> Self::Accumulator;
    /// Folds one value in.
    fn add(&self, accumulator: &mut Self::Accumulator, value: &In);
    /// Folds one value in that nobody else needs: for combiners that keep their values.
    #[inline]
    fn add_owned(&self, accumulator: &mut Self::Accumulator, value: In) {
        self.add(accumulator, &value);
    }
    /// Adds everything that went into `other`.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator);
    /// The result.
    fn extract(&self, accumulator: Self::Accumulator) -> Self::Output;

    /// How much an accumulator holds that grows at its end only: then a snapshot writes just what came [since](Self::since) the last
    /// one. `None`, as for most: it is written whole.
    fn extent(&self, accumulator: &Self::Accumulator) -> Option<usize> {
        let _ = accumulator;
        None
    }
    /// What came after the first `extent` of it: merged into those it gives the accumulator.
    fn since(&self, accumulator: &Self::Accumulator, extent: usize) -> Self::Accumulator {
        let _ = extent;
        accumulator.clone()
    }
}

/// A shared combiner.
impl<In, C: CombineFn<In>> CombineFn<In> for Arc<C> {
    type Accumulator = C::Accumulator;
    type Output = C::Output;

    fn create(&self) -> C::Accumulator {
        (**self).create()
    }

    #[inline]
    fn add(&self, accumulator: &mut C::Accumulator, value: &In) {
        (**self).add(accumulator, value);
    }

    #[inline]
    fn add_owned(&self, accumulator: &mut C::Accumulator, value: In) {
        (**self).add_owned(accumulator, value);
    }

    fn merge(&self, accumulator: &mut C::Accumulator, other: C::Accumulator) {
        (**self).merge(accumulator, other);
    }

    fn extract(&self, accumulator: C::Accumulator) -> C::Output {
        (**self).extract(accumulator)
    }

    fn extent(&self, accumulator: &C::Accumulator) -> Option<usize> {
        (**self).extent(accumulator)
    }

    fn since(&self, accumulator: &C::Accumulator, extent: usize) -> C::Accumulator {
        (**self).since(accumulator, extent)
    }
}
