//! Some of the values.

use super::CombineFn;
use super::encoding::hash_of_encoding;
use super::of::projecting;
use crate::Element;

/// At most `n` of the values, chosen by a hash of each: as good as at random, and the same on every runner and in every run.
///
/// Equal values have equal hashes, so they are chosen or left together as far as there is room. Another [`seed`](Sample::seed), another choice.
///
/// ```
/// # let pipeline = purlin_model::Pipeline::new();
/// # let orders = pipeline.create("orders", 0..1000);
/// use purlin_model::combine::Sample;
/// let hundred = orders.combine_globally("sample", Sample::n(100)).flat_map("each", |sample| sample);
/// let three_of_each = orders.key_by("last digit", |n| n % 10).combine_per_key("samples", Sample::n(3).seed(7));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    n: usize,
    seed: u64,
}

impl Sample {
    /// At most `n` values.
    pub const fn n(n: usize) -> Self {
        Sample { n, seed: 0 }
    }

    /// Chooses by another hash.
    pub const fn seed(self, seed: u64) -> Self {
        Sample { seed, ..self }
    }

    fn trim<T>(&self, chosen: &mut Vec<(u64, T)>) {
        chosen.sort_unstable_by_key(|(hash, _)| *hash);
        chosen.truncate(self.n);
    }
}

projecting!(Sample);

impl<T: Element> CombineFn<T> for Sample {
    /// Values under their hashes, unordered, at most about twice `n`: trimmed only now and then.
    type Accumulator = Vec<(u64, T)>;
    type Output = Vec<T>;

    fn create(&self) -> Vec<(u64, T)> {
        Vec::new()
    }

    fn add(&self, chosen: &mut Vec<(u64, T)>, value: &T) {
        self.add_owned(chosen, value.clone());
    }

    fn add_owned(&self, chosen: &mut Vec<(u64, T)>, value: T) {
        chosen.push((hash_of_encoding(&value, self.seed), value));
        if chosen.len() > 2 * self.n + 8 {
            self.trim(chosen);
        }
    }

    fn merge(&self, chosen: &mut Vec<(u64, T)>, other: Vec<(u64, T)>) {
        chosen.extend(other);
        self.trim(chosen);
    }

    /// In no particular order that means anything, but always the same.
    fn extract(&self, mut chosen: Vec<(u64, T)>) -> Vec<T> {
        self.trim(&mut chosen);
        chosen.into_iter().map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(sample: Sample, parts: &[&[u32]]) -> Vec<u32> {
        let mut all = CombineFn::<u32>::create(&sample);
        for part in parts {
            let mut chosen = CombineFn::<u32>::create(&sample);
            part.iter().for_each(|value| sample.add(&mut chosen, value));
            sample.merge(&mut all, chosen);
        }
        sample.extract(all)
    }

    #[test]
    fn neither_order_nor_grouping_shows() {
        let values: Vec<u32> = (0..1000).collect();
        let backwards: Vec<u32> = values.iter().rev().copied().collect();
        let expected = sampled(Sample::n(20), &[&values]);
        assert_eq!(expected.len(), 20);
        assert_eq!(sampled(Sample::n(20), &[&backwards]), expected);
        assert_eq!(sampled(Sample::n(20), &[&values[700..], &values[..3], &values[3..700]]), expected);
        assert_ne!(sampled(Sample::n(20).seed(1), &[&values]), expected);
        assert_eq!(sampled(Sample::n(20), &[&[5, 5, 5]]), [5, 5, 5]);
    }

    /// Over many seeds each value is chosen about as often as any other.
    #[test]
    fn it_is_fair() {
        let values: Vec<u32> = (0..50).collect();
        let mut times = [0_u32; 50];
        for seed in 0..2000 {
            sampled(Sample::n(10).seed(seed), &[&values]).into_iter().for_each(|value| times[value as usize] += 1);
        }
        // 400 expected, with a standard deviation of 18.
        assert!(times.iter().all(|times| (310..490).contains(times)), "{times:?}");
    }
}
