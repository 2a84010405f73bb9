//! Checks of keyed collections: as maps, and as groups.

use std::fmt::Debug;

use super::Check;
use crate::testing::difference::{Place, Tally, listed, tally, unexpected};
use crate::{Element, Key};

impl<K: Key + Debug, V: Element + PartialEq + Debug> Check<(K, V)> {
    /// Every key once, with its value; told apart by key where it does not hold.
    ///
    /// ```
    /// use purlin::prelude::*;
    /// use purlin::testing::{TestPipeline, check};
    /// let test = TestPipeline::new();
    /// let sums = test.create("amounts", [(1, 10), (2, 5), (1, 7)]).combine_per_key("sum", Sum);
    /// check(&sums).is_map([(1, 17), (2, 5)]);
    /// test.run();
    /// ```
    pub fn is_map(self, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let expected: Vec<(K, V)> = entries.into_iter().collect();
        self.expects(move |came| {
            let keys = tally(expected.iter().map(|(key, _)| key), came.iter().map(|((key, _), _)| key));
            // The places of keys that came once, as expected, but with another value.
            let changed = |key: &&Tally<'_, K>| match (&key.left[..], &key.right[..]) {
                ([wanted], [got]) => expected[*wanted].1 != came[*got].0.1,
                _ => false,
            };
            let (changed, others): (Vec<_>, Vec<_>) = keys.iter().partition(changed);
            let wanted: Vec<(K, V)> = others.iter().flat_map(|key| &key.left).map(|i| expected[*i].clone()).collect();
            let got: Vec<_> = others.iter().flat_map(|key| &key.right).map(|i| came[*i].clone()).collect();
            let difference = unexpected(&wanted, &got);
            let lines = changed.iter().map(|key| {
                let (wanted, (got, at)) = (&expected[key.left[0]].1, &came[key.right[0]]);
                format!("{:?}   expected {wanted:?}, came {:?} {}", key.value, got.1, Place(at)).trim_end().to_string()
            });
            match (changed.is_empty(), difference) {
                (true, None) => Ok(()),
                (true, Some(difference)) => Err(difference),
                (false, rest) => {
                    Err(format!("another value:\n{}{}", listed(lines.collect()), rest.unwrap_or_default()))
                }
            }
        })
    }
}

impl<K: Key + Debug, V: Element + PartialEq + Debug> Check<(K, Vec<V>)> {
    /// Every key once, with these values in any order: for what `group_by_key` makes.
    ///
    /// ```
    /// use purlin::testing::{TestPipeline, check};
    /// let test = TestPipeline::new();
    /// let groups = test.create("amounts", [(1, 10), (2, 5), (1, 7)]).group_by_key("group");
    /// check(&groups).contains_groups([(2, vec![5]), (1, vec![7, 10])]);
    /// test.run();
    /// ```
    pub fn contains_groups(self, groups: impl IntoIterator<Item = (K, Vec<V>)>) -> Self {
        let expected: Vec<Group<K, V>> = groups.into_iter().map(Group).collect();
        self.expects(move |came| {
            let came: Vec<_> = came.iter().map(|(group, at)| (Group(group.clone()), *at)).collect();
            unexpected(&expected, &came).map_or(Ok(()), Err)
        })
    }
}

/// A key with a multiset of values.
struct Group<K, V>((K, Vec<V>));

impl<K: PartialEq, V: PartialEq> PartialEq for Group<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let ((key, values), (other_key, other_values)) = (&self.0, &other.0);
        let are_same =
            || tally(values.iter(), other_values.iter()).iter().all(|kind| kind.left.len() == kind.right.len());
        key == other_key && values.len() == other_values.len() && are_same()
    }
}

impl<K: Debug, V: Debug> Debug for Group<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
