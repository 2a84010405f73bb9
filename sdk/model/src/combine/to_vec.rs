//! Combiners that keep every value: what group-by-key and the views collect into.

use std::collections::HashMap;

use super::CombineFn;
use crate::{Element, Key};

/// All values, in no particular order.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToVec;

impl<T: Element> CombineFn<T> for ToVec {
    type Accumulator = Vec<T>;
    type Output = Vec<T>;

    fn create(&self) -> Vec<T> {
        Vec::new()
    }

    fn add(&self, values: &mut Vec<T>, value: &T) {
        values.push(value.clone());
    }

    #[inline]
    fn add_owned(&self, values: &mut Vec<T>, value: T) {
        values.push(value);
    }

    fn merge(&self, values: &mut Vec<T>, other: Vec<T>) {
        values.extend(other);
    }

    fn extract(&self, values: Vec<T>) -> Vec<T> {
        values
    }

    fn extent(&self, values: &Vec<T>) -> Option<usize> {
        Some(values.len())
    }

    fn since(&self, values: &Vec<T>, extent: usize) -> Vec<T> {
        values[extent..].to_vec()
    }
}

/// Pairs as a map.
///
/// # Panics
/// On a key that comes twice, as Beam's map view does: use [`ToMultimap`] where that may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToMap;

impl<K: Key, V: Element> CombineFn<(K, V)> for ToMap {
    type Accumulator = Vec<(K, V)>;
    type Output = HashMap<K, V>;

    fn create(&self) -> Vec<(K, V)> {
        Vec::new()
    }

    fn add(&self, pairs: &mut Vec<(K, V)>, pair: &(K, V)) {
        pairs.push(pair.clone());
    }

    fn merge(&self, pairs: &mut Vec<(K, V)>, other: Vec<(K, V)>) {
        pairs.extend(other);
    }

    fn extract(&self, pairs: Vec<(K, V)>) -> HashMap<K, V> {
        let count = pairs.len();
        let map: HashMap<K, V> = pairs.into_iter().collect();
        assert!(map.len() == count, "a map view was given the same key twice; use `as_multimap` where that may be");
        map
    }

    fn extent(&self, pairs: &Vec<(K, V)>) -> Option<usize> {
        Some(pairs.len())
    }

    fn since(&self, pairs: &Vec<(K, V)>, extent: usize) -> Vec<(K, V)> {
        pairs[extent..].to_vec()
    }
}

/// Pairs as a map from each key to all its values.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToMultimap;

impl<K: Key, V: Element> CombineFn<(K, V)> for ToMultimap {
    type Accumulator = HashMap<K, Vec<V>>;
    type Output = HashMap<K, Vec<V>>;

    fn create(&self) -> HashMap<K, Vec<V>> {
        HashMap::new()
    }

    fn add(&self, map: &mut HashMap<K, Vec<V>>, (key, value): &(K, V)) {
        map.entry(key.clone()).or_default().push(value.clone());
    }

    fn merge(&self, map: &mut HashMap<K, Vec<V>>, other: HashMap<K, Vec<V>>) {
        for (key, values) in other {
            map.entry(key).or_default().extend(values);
        }
    }

    fn extract(&self, map: HashMap<K, Vec<V>>) -> HashMap<K, Vec<V>> {
        map
    }
}
