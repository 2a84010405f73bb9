//! `flatten`: several collections as one.

use crate::graph::Op;
use crate::pipeline::{Name, NewCollection};
use crate::{Element, PCollection, Pipeline};

impl Pipeline {
    /// All elements of `collections`, which must be windowed alike.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// let (odd, even) = (pipeline.create("odd", [1, 3]), pipeline.create("even", [2, 4]));
    /// let all = pipeline.flatten("all", [odd, even]);
    /// ```
    pub fn flatten<T: Element>(
        &self,
        name: &str,
        collections: impl IntoIterator<Item = PCollection<T>>,
    ) -> PCollection<T> {
        let collections: Vec<PCollection<T>> = collections.into_iter().collect();
        let Some(first) = collections.first() else { return self.create(name, []) };
        let mut windowing = first.windowing();
        for other in &collections {
            if !self.is_same(&other.pipeline) {
                self.problem(name, "its collections belong to different pipelines");
                return first.clone();
            }
            let theirs = other.windowing();
            let compatible = theirs.function.name() == windowing.function.name()
                && theirs.trigger == windowing.trigger
                && theirs.is_merging() == windowing.is_merging()
                && theirs.mode == windowing.mode
                && theirs.timestamp_combiner == windowing.timestamp_combiner;
            if !compatible {
                let message = format!(
                    "`{}` is windowed by {windowing} and `{}` by {theirs}; give both the same windows, trigger and mode, grouped or not, before they are flattened",
                    self.producer_name(first.id),
                    self.producer_name(other.id),
                );
                self.problem(name, message);
            }
            windowing.allowed_lateness_ms = windowing.allowed_lateness_ms.max(theirs.allowed_lateness_ms);
            windowing.unsafe_allowed |= theirs.unsafe_allowed;
        }
        let bounded = collections.iter().all(|each| self.collection(each.id).bounded);
        let coder = self.collection(first.id).coder;
        let ids: Vec<_> = collections.iter().map(|each| each.id).collect();
        let made = NewCollection { coder, windowing, bounded };
        let (_, outputs) = self.add(Name::Given(name), Op::Flatten, &ids, &[], vec![made]);
        PCollection::new(self, outputs[0])
    }
}
