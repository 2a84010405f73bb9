//! `flat_map`: any number of elements for each.

use crate::bundle::Bundle;
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::transform::At;
use crate::{Element, PCollection};

impl<T: Element> PCollection<T> {
    /// All that `f` gives for each element, with the element's timestamp and windows.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let lines = pipeline.create("lines", ["to be".to_string()]);
    /// let words = lines.flat_map("split", |line| {
    ///     line.split_whitespace().map(String::from).collect::<Vec<_>>()
    /// });
    /// ```
    pub fn flat_map<U, I>(&self, name: &str, f: impl Fn(T) -> I + Send + Sync + 'static) -> PCollection<U>
    where
        U: Element,
        I: IntoIterator<Item = U>,
    {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<U>| {
            input.flat_map_into(out, &f);
            Ok(())
        });
        self.element_wise(Name::Given(name), &[], factory)
    }

    /// The same, window by window, told where the element stands.
    pub fn flat_map_in<U, I>(&self, name: &str, f: impl Fn(T, At) -> I + Send + Sync + 'static) -> PCollection<U>
    where
        U: Element,
        I: IntoIterator<Item = U>,
    {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<U>| {
            input.explode_windows();
            for (value, sides) in input.drain() {
                let at = At { timestamp: sides.timestamp, window: sides.windows.first(), pane: sides.pane };
                out.extend_with(f(value, at), sides);
            }
            Ok(())
        });
        self.element_wise(Name::Given(name), &[], factory)
    }
}
