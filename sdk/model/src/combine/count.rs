//! Counting.

use super::CombineFn;

/// How many values there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count;

impl<In: 'static> CombineFn<In> for Count {
    type Accumulator = u64;
    type Output = u64;

    #[inline]
    fn create(&self) -> u64 {
        0
    }

    #[inline]
    fn add(&self, count: &mut u64, _value: &In) {
        *count += 1;
    }

    fn merge(&self, count: &mut u64, other: u64) {
        *count += other;
    }

    fn extract(&self, count: u64) -> u64 {
        count
    }
}
