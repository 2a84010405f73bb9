//! A collection's coder with its type erased.

use std::any::type_name;
use std::sync::Arc;

use super::{Coder, Postcard};
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::{BoxError, Element};

/// What a runner can do with a collection's elements without knowing their type.
pub trait AnyCoder: Send + Sync {
    /// The Rust type of the elements.
    fn element_type(&self) -> &'static str;
    /// The coder's name.
    fn name(&self) -> &'static str;
    /// An empty bundle of these elements.
    fn new_bundle(&self) -> Box<dyn AnyBundle>;
    /// Appends the bytes of element `i`'s value.
    fn encode(&self, bundle: &dyn AnyBundle, i: usize, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// Reads one value from the front of `from` and appends it to `into` with `sides`.
    fn decode(&self, from: &mut &[u8], sides: ElementSides, into: &mut dyn AnyBundle) -> Result<(), BoxError>;
}

/// A [`Coder`] of `T`, ready to be erased.
pub struct TypedCoder<T>(Arc<dyn Coder<T>>);

impl<T: Element> TypedCoder<T> {
    /// Erases `coder`.
    pub fn erased(coder: impl Coder<T>) -> Arc<dyn AnyCoder> {
        Arc::new(TypedCoder(Arc::new(coder)))
    }

    /// The default coder, erased.
    pub fn standard() -> Arc<dyn AnyCoder> {
        Self::erased(Postcard)
    }
}

impl<T: Element> AnyCoder for TypedCoder<T> {
    fn element_type(&self) -> &'static str {
        type_name::<T>()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn new_bundle(&self) -> Box<dyn AnyBundle> {
        Box::new(Bundle::<T>::new())
    }

    fn encode(&self, bundle: &dyn AnyBundle, i: usize, into: &mut Vec<u8>) -> Result<(), BoxError> {
        self.0.encode(&bundle.downcast_ref::<T>().values()[i], into)
    }

    fn decode(&self, from: &mut &[u8], sides: ElementSides, into: &mut dyn AnyBundle) -> Result<(), BoxError> {
        let value = self.0.decode(from)?;
        into.downcast::<T>().push(value, sides);
        Ok(())
    }
}
