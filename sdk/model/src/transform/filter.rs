//! `filter`: the elements for which something holds.

use crate::bundle::Bundle;
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::transform::At;
use crate::{Element, PCollection};

impl<T: Element> PCollection<T> {
    /// The elements for which `keep` holds.
    pub fn filter(&self, name: &str, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> PCollection<T> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<T>| {
            input.retain(&keep);
            out.append(input);
            Ok(())
        });
        self.element_wise_same(Name::Given(name), &[], factory)
    }

    /// The elements for which `keep` holds, window by window, told where each stands.
    pub fn filter_in(&self, name: &str, keep: impl Fn(&T, At) -> bool + Send + Sync + 'static) -> PCollection<T> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<T>| {
            input.explode_windows();
            for (value, sides) in input.drain() {
                let at = At { timestamp: sides.timestamp, window: sides.windows.first(), pane: sides.pane };
                if keep(&value, at) {
                    out.push(value, sides);
                }
            }
            Ok(())
        });
        self.element_wise_same(Name::Given(name), &[], factory)
    }
}
