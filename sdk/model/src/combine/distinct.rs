//! Different values.

use std::collections::BTreeSet;

use super::CombineFn;
use super::of::projecting;
use crate::Element;

/// The different values, least first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Distinct;

projecting!(Distinct);

impl<T: Element + Ord> CombineFn<T> for Distinct {
    type Accumulator = BTreeSet<T>;
    type Output = Vec<T>;

    fn create(&self) -> BTreeSet<T> {
        BTreeSet::new()
    }

    fn add(&self, seen: &mut BTreeSet<T>, value: &T) {
        if !seen.contains(value) {
            seen.insert(value.clone());
        }
    }

    fn add_owned(&self, seen: &mut BTreeSet<T>, value: T) {
        seen.insert(value);
    }

    fn merge(&self, seen: &mut BTreeSet<T>, mut other: BTreeSet<T>) {
        seen.append(&mut other);
    }

    fn extract(&self, seen: BTreeSet<T>) -> Vec<T> {
        seen.into_iter().collect()
    }
}
