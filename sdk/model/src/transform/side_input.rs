//! Side inputs: making views, and the transforms that look one up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bundle::{Bundle, ElementSides};
use crate::combine::{ToMap, ToMultimap, ToVec};
use crate::graph::Op;
use crate::kernel::{SideInputs, per_bundle};
use crate::pipeline::Name;
use crate::view::{TypedView, View};
use crate::window::WindowSet;
use crate::{BoxError, Element, Key, PCollection};

impl<T: Element> PCollection<T> {
    /// The only element of each window. A window without one is an error when it is looked up; of several panes the latest counts.
    pub fn as_singleton(&self) -> View<T> {
        self.as_view("as singleton", None)
    }

    /// The only element of each window, or `default`.
    pub fn as_optional(&self, default: T) -> View<T> {
        self.as_view("as optional", Some(default))
    }

    /// All elements of each window, in no particular order.
    pub fn as_list(&self) -> View<Vec<T>> {
        self.pipeline.clone().scoped_derived(&self.view_scope("as list"), || {
            self.combine_globally("collect", ToVec).as_view("view", Some(Vec::new()))
        })
    }

    fn as_view(&self, name: &str, default: Option<T>) -> View<T> {
        let function = self.windowing().function;
        if function.is_merging() {
            self.pipeline
                .problem(name, "session windows cannot be looked up: a side input's windows must be known beforehand");
        } else if function.needs_element() {
            let message = format!("windows {} cannot be looked up: timestamps alone do not tell them", function.name());
            self.pipeline.problem(name, message);
        }
        let kernel = Op::View(Arc::new(TypedView { default }));
        let (node, _) = self.pipeline.add(Name::Derived(name), kernel, &[self.id], &[], vec![]);
        View::new(node)
    }

    /// Composites of views are named after the collection that they show.
    fn view_scope(&self, kind: &str) -> String {
        let producer = self.pipeline.producer_name(self.id);
        format!("{} {kind}", producer.rsplit('/').next().unwrap_or_default())
    }
}

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// The pairs of each window as a map; a key that comes twice in a window is an error.
    pub fn as_map(&self) -> View<HashMap<K, V>> {
        self.pipeline.clone().scoped_derived(&self.view_scope("as map"), || {
            self.combine_globally("collect", ToMap).as_view("view", Some(HashMap::new()))
        })
    }

    /// The pairs of each window as a map from key to all its values.
    pub fn as_multimap(&self) -> View<HashMap<K, Vec<V>>> {
        self.pipeline.clone().scoped_derived(&self.view_scope("as multimap"), || {
            self.combine_globally("collect", ToMultimap).as_view("view", Some(HashMap::new()))
        })
    }
}

impl<T: Element> PCollection<T> {
    /// One output for each element (and window), which may look up `view`.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let orders = pipeline.create("orders", [("EUR".to_string(), 5.0)]);
    /// let rates = pipeline.create("rates", [("EUR".to_string(), 1.1), ("CHF".to_string(), 1.05)]).as_map();
    /// let dollars = orders.map_with("convert", &rates, |(currency, amount), rates| amount * rates[&currency]);
    /// ```
    pub fn map_with<V: Element, U: Element>(
        &self,
        name: &str,
        view: &View<V>,
        f: impl Fn(T, &V) -> U + Send + Sync + 'static,
    ) -> PCollection<U> {
        self.each_with(name, view, move |value, side, sides, out| out.push(f(value, side), sides))
    }

    /// All that `f` gives for each element (and window), which may look up `view`.
    pub fn flat_map_with<V: Element, U: Element, I: IntoIterator<Item = U>>(
        &self,
        name: &str,
        view: &View<V>,
        f: impl Fn(T, &V) -> I + Send + Sync + 'static,
    ) -> PCollection<U> {
        self.each_with(name, view, move |value, side, sides, out| out.extend_with(f(value, side), sides))
    }

    /// The elements (window by window) for which `keep` holds, which may look up `view`.
    pub fn filter_with<V: Element>(
        &self,
        name: &str,
        view: &View<V>,
        keep: impl Fn(&T, &V) -> bool + Send + Sync + 'static,
    ) -> PCollection<T> {
        self.each_with(name, view, move |value, side, sides, out| {
            if keep(&value, side) {
                out.push(value, sides);
            }
        })
    }

    /// Elements of one window look the view up once for all of them.
    fn each_with<V: Element, U: Element>(
        &self,
        name: &str,
        view: &View<V>,
        each: impl Fn(T, &V, ElementSides, &mut Bundle<U>) + Send + Sync + 'static,
    ) -> PCollection<U> {
        let node = view.node;
        let work = move |input: &mut Bundle<T>, sides: &SideInputs, out: &mut Bundle<U>| -> Result<(), BoxError> {
            input.explode_windows();
            let mut found: Option<(WindowSet, &V)> = None;
            for (value, element_sides) in input.drain() {
                let side = match found {
                    Some((windows, side)) if windows == element_sides.windows => side,
                    _ => sides.get(node, element_sides.windows.first())?,
                };
                found = Some((element_sides.windows, side));
                each(value, side, element_sides, out);
            }
            Ok(())
        };
        self.element_wise(Name::Given(name), &[node], per_bundle(work))
    }
}
