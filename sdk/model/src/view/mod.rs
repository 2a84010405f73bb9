//! Views: a collection as a value that other transforms look up, window by window (SEMANTICS §9).
//!
//! A [`View<V>`] is made by `as_singleton`, `as_optional`, `as_list`, `as_map` or `as_multimap`, and looked up in `map_with` and its
//! kin or by a `DoFn`'s context. Underneath, the collection is combined to one `V` per window and the latest pane counts.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::Element;
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::graph::{NodeId, ViewKernel};
use crate::window::{Window, WindowSet};

/// A handle on the value that a collection makes, per window.
pub struct View<V> {
    pub(crate) node: NodeId,
    pub(crate) of: PhantomData<fn() -> V>,
}

impl<V> View<V> {
    pub(crate) fn new(node: NodeId) -> Self {
        View { node, of: PhantomData }
    }
}

impl<V> Clone for View<V> {
    fn clone(&self) -> Self {
        View::new(self.node)
    }
}

pub(crate) struct TypedView<V> {
    pub(crate) default: Option<V>,
}

impl<V: Element> ViewKernel for TypedView<V> {
    fn values(&self, bundle: &mut dyn AnyBundle) -> Vec<(Window, Arc<dyn Any + Send + Sync>)> {
        let mut values = Vec::new();
        for (value, sides) in bundle.downcast::<V>().drain() {
            let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
            values.extend(sides.windows.iter().map(|window| (window, value.clone())));
        }
        values
    }

    fn to_bundle(&self, values: &HashMap<Window, Arc<dyn Any + Send + Sync>>) -> Box<dyn AnyBundle> {
        let mut bundle = Bundle::new();
        for (window, value) in values {
            if let Some(value) = value.downcast_ref::<V>() {
                let at = ElementSides::at(window.max_timestamp());
                bundle.push(value.clone(), ElementSides { windows: WindowSet::one(*window), ..at });
            }
        }
        Box::new(bundle)
    }

    fn default_value(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.default.clone().map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>)
    }
}

/// The views that one transform looks up: a view, or a tuple of them.
pub trait Views {
    /// Their nodes.
    fn nodes(&self) -> Vec<NodeId>;
}

impl<V> Views for &View<V> {
    fn nodes(&self) -> Vec<NodeId> {
        vec![self.node]
    }
}

macro_rules! tuple_of_views {
    ($($name:ident),+) => {
        impl<$($name),+> Views for ($(&View<$name>,)+) {
            #[allow(non_snake_case)]
            fn nodes(&self) -> Vec<NodeId> {
                let ($($name,)+) = self;
                vec![$($name.node),+]
            }
        }
    };
}

tuple_of_views!(A, B);
tuple_of_views!(A, B, C);
tuple_of_views!(A, B, C, D);
