//! `map`: one element for each.

use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, ElementSides};
use crate::kernel::per_bundle;
use crate::pipeline::Name;
use crate::window::Window;
use crate::{Element, PCollection, Pane, Timestamp};

/// Where an element stands: what `map_in` and its kin are told beside the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Its event time.
    pub timestamp: Timestamp,
    /// Its window; an element of several windows is seen once in each.
    pub window: Window,
    /// The emission it belongs to.
    pub pane: Pane,
}

impl At {
    /// Where an element with these side values stands; it lies in one window.
    #[inline]
    pub(crate) fn of(sides: ElementSides) -> Self {
        At { timestamp: sides.timestamp, window: sides.windows.first(), pane: sides.pane }
    }
}

impl<T: Element> PCollection<T> {
    /// One output for each element.
    pub fn map<U: Element>(&self, name: &str, f: impl Fn(T) -> U + Send + Sync + 'static) -> PCollection<U> {
        self.map_named(Name::Given(name), f)
    }

    pub(crate) fn map_named<U: Element>(
        &self,
        name: Name<'_>,
        f: impl Fn(T) -> U + Send + Sync + 'static,
    ) -> PCollection<U> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<U>| {
            if out.is_empty() {
                input.map_into(out, &f);
            } else {
                for (value, sides) in input.drain() {
                    out.push(f(value), sides);
                }
            }
            Ok(())
        });
        self.element_wise(name, &[], factory)
    }

    /// One output for each element and window, told where the element stands.
    pub fn map_in<U: Element>(&self, name: &str, f: impl Fn(T, At) -> U + Send + Sync + 'static) -> PCollection<U> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<U>| {
            input.explode_windows();
            let f = |value, sides: ElementSides| f(value, At::of(sides));
            if out.is_empty() {
                input.map_into_with(out, f);
            } else {
                input.drain().for_each(|(value, sides)| out.push(f(value, sides), sides));
            }
            Ok(())
        });
        self.element_wise(Name::Given(name), &[], factory)
    }
}
