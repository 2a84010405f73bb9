//! What may be an element or a key of a collection.

use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type whose values may be elements of a [`PCollection`](crate::PCollection).
///
/// Any collection may have to cross a stage, a spill file, a checkpoint or a wire, so an element
/// is cloneable, sendable and serialisable. Every type that is all of these is an element.
///
/// ```
/// # use serde::{Serialize, Deserialize};
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// struct Order { customer: i64, amount: i64 }
///
/// fn takes_elements<T: purlin_model::Element>() {}
/// takes_elements::<Order>();
/// takes_elements::<(String, Vec<Order>)>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of a PCollection",
    label = "not an element",
    note = "an element is `Clone + Send + Sync + Serialize + DeserializeOwned + 'static`: derive `Clone`, `serde::Serialize` and `serde::Deserialize`, and own the data"
)]
pub trait Element: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> Element for T {}

/// An element that can be grouped by.
///
/// Contract: two keys are equal if and only if their encodings are. Floats (`-0.0`, `NaN`) and maps
/// of unspecified order break it and are no keys.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "not a key",
    note = "a key is an element that is also `Eq + Hash`: derive `PartialEq`, `Eq` and `Hash`"
)]
pub trait Key: Element + Eq + Hash {}

impl<T: Element + Eq + Hash> Key for T {}
