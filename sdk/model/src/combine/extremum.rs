//! Least and greatest.

use super::CombineFn;
use super::of::projecting;
use crate::Element;

/// The least value. For floats, wrap them in an ordered type: `f64` itself has no total order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Min;

/// The greatest value. For floats, wrap them in an ordered type: `f64` itself has no total order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Max;

projecting!(Min, Max);

macro_rules! extremum {
    ($combiner:ty, $replaces:tt) => {
        impl<T: Element + Ord> CombineFn<T> for $combiner {
            type Accumulator = Option<T>;
            type Output = Option<T>;

            fn create(&self) -> Option<T> {
                None
            }

            #[inline]
            fn add(&self, best: &mut Option<T>, value: &T) {
                if best.as_ref().is_none_or(|held| value $replaces held) {
                    *best = Some(value.clone());
                }
            }

            #[inline]
            fn add_owned(&self, best: &mut Option<T>, value: T) {
                if best.as_ref().is_none_or(|held| value $replaces *held) {
                    *best = Some(value);
                }
            }

            fn merge(&self, best: &mut Option<T>, other: Option<T>) {
                if let Some(value) = other {
                    self.add_owned(best, value);
                }
            }

            /// `None` only where there was no value.
            fn extract(&self, best: Option<T>) -> Option<T> {
                best
            }
        }
    };
}

extremum!(Min, <);
extremum!(Max, >);
