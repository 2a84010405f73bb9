//! `latest_per_key` and `latest`: the element with the greatest timestamp.

use crate::bundle::{Bundle, ElementSides};
use crate::combine::ByTime;
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::{Element, Key, PCollection, Timestamp};

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// Each key once per window (and pane) with the value of its latest element; of several at that time, always the same one.
    ///
    /// ```
    /// # use purlin_model::{Pipeline, Timestamp};
    /// # let pipeline = Pipeline::new();
    /// let at = Timestamp::from_millis;
    /// let readings = pipeline.create_at("readings", [(("cellar".to_string(), 12), at(5)), (("cellar".to_string(), 11), at(3))]);
    /// let temperatures = readings.latest_per_key("temperature"); // ("cellar", 12)
    /// ```
    pub fn latest_per_key(&self, name: &str) -> PCollection<(K, V)> {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || {
            self.with_time("time", |(key, value), at| (key, (value, at)))
                .combine_per_key("latest", ByTime::Latest)
                .flat_map("value", |(key, value)| value.map(|value| (key, value)))
        })
    }
}

impl<T: Element> PCollection<T> {
    /// The latest element of each window (and pane); of several at that time, always the same one.
    pub fn latest(&self, name: &str) -> PCollection<T> {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || {
            self.with_time("time", |value, at| (value, at))
                .combine_globally("latest", ByTime::Latest)
                .flat_map("value", |value| value)
        })
    }

    /// A map that is told the time but not the window, so that an element of several windows stays one.
    pub(super) fn with_time<U: Element>(
        &self,
        name: &str,
        f: impl Fn(T, Timestamp) -> U + Send + Sync + 'static,
    ) -> PCollection<U> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<U>| {
            let mut timed = Bundle::new();
            input.map_into_with(&mut timed, |value, sides: ElementSides| f(value, sides.timestamp));
            out.append(&mut timed);
            Ok(())
        });
        self.element_wise(Name::Given(name), &[], factory)
    }
}
