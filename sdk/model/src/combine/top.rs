//! The greatest values.

use super::CombineFn;
use super::of::projecting;
use crate::Element;

/// The `n` greatest values, greatest first. Equal values are indistinguishable, so give them an order that tells apart what matters.
///
/// ```
/// use purlin_model::combine::{CombineFn, Top};
/// let top = Top::n(2);
/// let mut best = CombineFn::<u32>::create(&top);
/// for value in [3, 9, 1, 7] {
///     top.add(&mut best, &value);
/// }
/// assert_eq!(CombineFn::<u32>::extract(&top, best), [9, 7]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Top {
    n: usize,
}

impl Top {
    /// The `n` greatest.
    pub const fn n(n: usize) -> Self {
        Top { n }
    }

    /// How many.
    pub(super) const fn count(self) -> usize {
        self.n
    }

    fn trim<T: Ord>(&self, best: &mut Vec<T>) {
        best.sort_unstable_by(|a, b| b.cmp(a));
        best.truncate(self.n);
    }
}

projecting!(Top);

impl<T: Element + Ord> CombineFn<T> for Top {
    /// Unordered, at most about twice `n`: trimmed only now and then.
    type Accumulator = Vec<T>;
    type Output = Vec<T>;

    fn create(&self) -> Vec<T> {
        Vec::new()
    }

    fn add(&self, best: &mut Vec<T>, value: &T) {
        self.add_owned(best, value.clone());
    }

    fn add_owned(&self, best: &mut Vec<T>, value: T) {
        best.push(value);
        if best.len() > 2 * self.n + 8 {
            self.trim(best);
        }
    }

    fn merge(&self, best: &mut Vec<T>, other: Vec<T>) {
        best.extend(other);
        self.trim(best);
    }

    fn extract(&self, mut best: Vec<T>) -> Vec<T> {
        self.trim(&mut best);
        best
    }
}
