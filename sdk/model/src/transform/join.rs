//! Joins of two keyed collections, window by window.
//!
//! Each is spelt out as a grouping of both sides. For inner and left joins the graph also notes a kernel that holds the right side in
//! memory, where that is bounded: the batch runner then shuffles nothing.

use std::sync::Arc;

use crate::kernel::{HashJoin, Inner, Left, Pairing};
use crate::{Element, Key, PCollection};

impl<K: Key, A: Element> PCollection<(K, A)> {
    /// Every pair of values that share a key.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// let names = pipeline.create("names", [(1, "Ada".to_string())]);
    /// let orders = pipeline.create("orders", [(1, 30), (1, 12), (2, 5)]);
    /// let joined = orders.inner_join("with name", &names); // (1, (30, "Ada")), (1, (12, "Ada"))
    /// ```
    pub fn inner_join<B: Element>(&self, name: &str, other: &PCollection<(K, B)>) -> PCollection<(K, (A, B))> {
        self.joined_or_held::<B, Inner>(name, other, |lefts, rights| {
            let pair = |left: &A| rights.iter().map(|right| (left.clone(), right.clone())).collect::<Vec<_>>();
            lefts.iter().flat_map(pair).collect()
        })
    }

    /// Every value of this collection, with each of the other's that shares its key, or none.
    pub fn left_join<B: Element>(&self, name: &str, other: &PCollection<(K, B)>) -> PCollection<(K, (A, Option<B>))> {
        self.joined_or_held::<B, Left>(name, other, |lefts, rights| {
            let rights = or_none(rights);
            let pair = |left: &A| rights.iter().map(|right| (left.clone(), right.clone())).collect::<Vec<_>>();
            lefts.iter().flat_map(pair).collect()
        })
    }

    /// Every value of either collection, with each of the other's that shares its key, or none.
    pub fn outer_join<B: Element>(
        &self,
        name: &str,
        other: &PCollection<(K, B)>,
    ) -> PCollection<(K, (Option<A>, Option<B>))> {
        let pairs = |lefts: Vec<A>, rights: Vec<B>| {
            let (lefts, rights) = (or_none(lefts), or_none(rights));
            let pair = |left: &Option<A>| rights.iter().map(|right| (left.clone(), right.clone())).collect::<Vec<_>>();
            lefts.iter().flat_map(pair).collect()
        };
        self.pipeline.clone().scoped(name, || self.grouped_pairs(other, pairs))
    }

    fn joined_or_held<B: Element, P: Pairing<A, B>>(
        &self,
        name: &str,
        other: &PCollection<(K, B)>,
        pairs: impl Fn(Vec<A>, Vec<B>) -> Vec<P::Joined> + Send + Sync + 'static,
    ) -> PCollection<(K, P::Joined)> {
        let kernel = Arc::new(HashJoin::<K, A, B, P>::new());
        self.pipeline.clone().joined(name, (self.id, other.id), kernel, || self.grouped_pairs(other, pairs))
    }

    fn grouped_pairs<B: Element, J: Element>(
        &self,
        other: &PCollection<(K, B)>,
        pairs: impl Fn(Vec<A>, Vec<B>) -> Vec<J> + Send + Sync + 'static,
    ) -> PCollection<(K, J)> {
        self.co_group_by_key("co-group", other).emit_each("pairs", move |(key, (lefts, rights)), out| {
            out.extend(pairs(lefts, rights).into_iter().map(|pair| (key.clone(), pair)));
        })
    }
}

/// The values, or one `None` where there are none.
fn or_none<T>(values: Vec<T>) -> Vec<Option<T>> {
    if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() }
}
