//! `with_timestamps`: event time from the element.

use crate::bundle::Bundle;
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::{Element, PCollection, Timestamp};

impl<T: Element> PCollection<T> {
    /// The same elements, each at the timestamp that `of` takes from it. Windows stay: apply `window` afterwards.
    ///
    /// On an unbounded collection prefer `source.event_time(..)`, which moves the watermark with the timestamps; here an
    /// element that is set before the watermark is late.
    pub fn with_timestamps(&self, name: &str, of: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> PCollection<T> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<T>| {
            input
                .set_timestamps(&of)
                .map_err(|at| format!("{} ms is no timestamp that an element may have", at.millis()))?;
            out.append(input);
            Ok(())
        });
        self.element_wise_same(Name::Given(name), &[], factory)
    }
}
