//! Joins of two keyed collections, window by window.

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
        self.joined(name, other, |lefts, rights| {
            let pair = |left: &A| rights.iter().map(|right| (left.clone(), right.clone())).collect::<Vec<_>>();
            lefts.iter().flat_map(pair).collect()
        })
    }

    /// Every value of this collection, with each of the other's that shares its key, or none.
    pub fn left_join<B: Element>(&self, name: &str, other: &PCollection<(K, B)>) -> PCollection<(K, (A, Option<B>))> {
        self.joined(name, other, |lefts, rights| {
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
        self.joined(name, other, |lefts, rights| {
            let (lefts, rights) = (or_none(lefts), or_none(rights));
            let pair = |left: &Option<A>| rights.iter().map(|right| (left.clone(), right.clone())).collect::<Vec<_>>();
            lefts.iter().flat_map(pair).collect()
        })
    }

    fn joined<B: Element, J: Element>(
        &self,
        name: &str,
        other: &PCollection<(K, B)>,
        pairs: impl Fn(Vec<A>, Vec<B>) -> Vec<J> + Send + Sync + 'static,
    ) -> PCollection<(K, J)> {
        self.pipeline.clone().scoped(name, || {
            self.co_group_by_key("co-group", other).flat_map("pairs", move |(key, (lefts, rights))| {
                pairs(lefts, rights).into_iter().map(|pair| (key.clone(), pair)).collect::<Vec<_>>()
            })
        })
    }
}

/// The values, or one `None` where there are none.
fn or_none<T>(values: Vec<T>) -> Vec<Option<T>> {
    if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() }
}
