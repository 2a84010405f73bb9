//! `inspect`: a look at each element on its way.

use crate::bundle::Bundle;
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::{Element, PCollection};

impl<T: Element> PCollection<T> {
    /// The same elements, each shown to `f`: for logs and metrics.
    pub fn inspect(&self, name: &str, f: impl Fn(&T) + Send + Sync + 'static) -> PCollection<T> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<T>| {
            input.values().iter().for_each(&f);
            out.append(input);
            Ok(())
        });
        self.element_wise_same(Name::Given(name), &[], factory)
    }
}
