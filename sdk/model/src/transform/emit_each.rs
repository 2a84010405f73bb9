//! `emit_each`: any number of elements for each, handed over one by one.

use crate::bundle::Bundle;
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::{Element, PCollection};

/// Takes what [`emit_each`](PCollection::emit_each)'s closure gives.
pub struct Emitter<'a, U> {
    values: &'a mut Vec<U>,
}

impl<U> Emitter<'_, U> {
    /// Emits with the timestamp and windows of the element at hand.
    #[inline]
    pub fn emit(&mut self, value: U) {
        self.values.push(value);
    }
}

impl<U> Extend<U> for Emitter<'_, U> {
    #[inline]
    fn extend<I: IntoIterator<Item = U>>(&mut self, values: I) {
        self.values.extend(values);
    }
}

impl<T: Element> PCollection<T> {
    /// All that `f` emits for each element, with the element's timestamp and windows.
    ///
    /// It does what [`flat_map`](Self::flat_map) does, for an `f` that would have to gather its results first: pieces of an element cannot be
    /// returned as an iterator that borrows it.
    ///
    /// ```
    /// # use purlin_model::CompactString;
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let lines = pipeline.create("lines", ["to be".to_string()]);
    /// let words = lines.emit_each("split", |line, out| {
    ///     for word in line.split_whitespace() {
    ///         out.emit(CompactString::from(word));
    ///     }
    /// });
    /// # let _ = words;
    /// ```
    pub fn emit_each<U: Element>(
        &self,
        name: &str,
        f: impl Fn(T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> PCollection<U> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<U>| {
            for (value, sides) in input.drain() {
                let before = out.len();
                f(value, &mut Emitter { values: out.values_mut() });
                out.note_appended(before, sides);
            }
            Ok(())
        });
        self.element_wise(Name::Given(name), &[], factory)
    }
}
