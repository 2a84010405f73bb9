//! Elements by key, to be looked up by many at a time.
//!
//! Such a table is larger than the caches, so what costs is waiting for memory. Elements of one bucket lie side by side, and a bundle's keys are
//! looked up in passes without a branch in between: so the processor waits for many places at once, not for one after the other.

use super::hash::hash_of;
use crate::Key;

/// Elements by key; those of one key in the order in which they were given.
pub(super) struct Held<K, B> {
    /// Where each bucket's entries begin; at the end, where the last one's end. The buckets are a power of two.
    starts: Vec<u32>,
    entries: Vec<(K, B)>,
}

/// Where a key's entries are, if there are any.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    begin: u32,
    end: u32,
    /// Whether the first one is of this key; of the others it is not known.
    first_is: bool,
}

impl<K: Key, B> Held<K, B> {
    /// A table of these; there may be four billion.
    pub(super) fn of(elements: Vec<Vec<(K, B)>>) -> Self {
        let count = elements.iter().map(Vec::len).sum::<usize>();
        assert!(u32::try_from(count).is_ok(), "more than four billion elements are to be held of one window");
        let mask = count.next_power_of_two() - 1;
        let buckets: Vec<usize> = elements.iter().flatten().map(|(key, _)| bucket(key, mask)).collect();
        let mut starts = vec![0; mask + 2];
        buckets.iter().for_each(|bucket| starts[bucket + 1] += 1);
        (1..starts.len()).for_each(|bucket| starts[bucket] += starts[bucket - 1]);
        let mut free = starts.clone();
        let mut order = vec![0; count];
        for (element, bucket) in (0_u32..).zip(buckets) {
            let place = &mut free[bucket];
            order[*place as usize] = element;
            *place += 1;
        }
        let mut elements: Vec<Option<(K, B)>> = elements.into_iter().flatten().map(Some).collect();
        let entries = order.into_iter().filter_map(|element| elements[element as usize].take()).collect();
        Held { starts, entries }
    }

    /// All elements.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, B)> {
        self.entries.iter()
    }

    /// Appends, for each of `keys`, where its entries are.
    pub(super) fn find<'a>(&self, keys: impl Iterator<Item = &'a K> + Clone, into: &mut Vec<Candidates>) {
        let before = into.len();
        let mask = self.starts.len() - 2;
        into.extend(keys.clone().map(|key| {
            let bucket = bucket(key, mask);
            Candidates { begin: self.starts[bucket], end: self.starts[bucket + 1], first_is: false }
        }));
        let Some(last) = self.entries.len().checked_sub(1) else { return };
        for (found, key) in into[before..].iter_mut().zip(keys) {
            // An empty bucket's entry is another's, and has another key.
            found.first_is = self.entries[last.min(found.begin as usize)].0 == *key;
        }
    }

    /// What is held of `key`, of which `found` says where it is.
    #[inline]
    pub(super) fn matches<'a, 'k>(
        &'a self,
        key: &'k K,
        found: Candidates,
    ) -> impl Iterator<Item = &'a B> + use<'a, 'k, K, B> {
        let skipped = u32::from(!found.first_is);
        let entries = self.entries.get((found.begin + skipped) as usize..found.end as usize).unwrap_or_default();
        let first_is = found.first_is;
        entries
            .iter()
            .enumerate()
            .filter(move |(place, (held, _))| first_is && *place == 0 || held == key)
            .map(|(_, (_, held))| held)
    }
}

impl<K: Key, B> Default for Held<K, B> {
    fn default() -> Self {
        Held::of(Vec::new())
    }
}

#[inline]
fn bucket<K: Key>(key: &K, mask: usize) -> usize {
    hash_of(key) as usize & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(elements: Vec<Vec<(u64, usize)>>, absent: u64) {
        let held = Held::of(elements.clone());
        let of_key = |key: u64| elements.iter().flatten().filter(move |(held, _)| *held == key).map(|(_, n)| *n);
        let keys: Vec<u64> = elements.iter().flatten().map(|(key, _)| *key).chain([absent]).collect();
        let mut found = Vec::new();
        held.find(keys.iter(), &mut found);
        for (key, found) in keys.iter().zip(found) {
            let matches: Vec<usize> = held.matches(key, found).copied().collect();
            assert_eq!(matches, of_key(*key).collect::<Vec<_>>(), "of {key}");
        }
        assert_eq!(held.iter().count(), elements.iter().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn each_key_finds_its_own_in_order() {
        check(vec![], 7);
        check(vec![vec![(1, 0)]], 7);
        check(vec![vec![(1, 0), (1, 1)], vec![], vec![(1, 2)]], 7);
        // So many that buckets are shared, be it with others' first entries.
        let many = |from: u64| (0..3_000).map(|n| (from + n * 31 % 1_000, n as usize)).collect::<Vec<_>>();
        check(vec![many(0), many(500)], 5_000);
    }
}
