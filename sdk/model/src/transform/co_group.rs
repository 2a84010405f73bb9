//! `co_group_by_key`: two keyed collections grouped together.

use serde::{Deserialize, Serialize};

use crate::{Element, Key, PCollection};

/// A value of one of two collections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Either<A, B> {
    /// Of the first.
    Left(A),
    /// Of the second.
    Right(B),
}

impl<K: Key, A: Element> PCollection<(K, A)> {
    /// Each key of either collection once per window (and pane), with its values in both.
    pub fn co_group_by_key<B: Element>(
        &self,
        name: &str,
        other: &PCollection<(K, B)>,
    ) -> PCollection<(K, (Vec<A>, Vec<B>))> {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || {
            let left = self.map_values("left", Either::<A, B>::Left);
            let right = other.map_values("right", Either::<A, B>::Right);
            pipeline.flatten("both", [left, right]).group_by_key("group").map_values("sides", |values| {
                let (mut left, mut right) = (Vec::new(), Vec::new());
                for value in values {
                    match value {
                        Either::Left(value) => left.push(value),
                        Either::Right(value) => right.push(value),
                    }
                }
                (left, right)
            })
        })
    }
}
