//! `distinct` and `distinct_by`: each value once.

use crate::combine::{ByTime, Count};
use crate::{Element, Key, PCollection};

impl<T: Key> PCollection<T> {
    /// Each different element once per window: in the window's first pane that it is in, whatever panes follow.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// let words = pipeline.create("words", ["to", "be", "or", "not", "to", "be"].map(String::from));
    /// let vocabulary = words.distinct("vocabulary"); // "to", "be", "or", "not"
    /// ```
    pub fn distinct(&self, name: &str) -> PCollection<T> {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || {
            self.map("as key", |value| (value, ()))
                .combine_per_key("once", Count)
                .filter_in("first time", |_, at| at.pane.first)
                .keys()
        })
    }
}

impl<T: Element> PCollection<T> {
    /// Of the elements that agree in what `key` takes from them, one per window: the earliest of the key's first pane.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let deliveries = pipeline.create("deliveries", [(17, "a parcel".to_string())]);
    /// let without_repeats = deliveries.distinct_by("number", |(number, _)| *number);
    /// ```
    pub fn distinct_by<K: Key>(&self, name: &str, key: impl Fn(&T) -> K + Send + Sync + 'static) -> PCollection<T> {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || {
            self.with_time("by key", move |value, at| (key(&value), (value, at)))
                .combine_per_key("once", ByTime::Earliest)
                .filter_in("first time", |_, at| at.pane.first)
                .flat_map("value", |(_, value)| value)
        })
    }
}
