//! A cell with one value.

use std::any::type_name;

use super::bytes::{put, take};
use super::cell::declare_cell;
use super::{Cell, Forever, Lifetime, Now};
use crate::kernel::StatefulSpec;
use crate::{BoxError, Element};

/// One value, or none.
///
/// ```
/// use purlin_model::state::Value;
/// let mut last = Value::<i64>::default();
/// assert_eq!(last.get(), None);
/// last.set(7);
/// assert_eq!(last.get(), Some(&7));
/// ```
pub struct Value<T, L: Lifetime = Forever> {
    held: Option<(T, L::Stamp)>,
    now: L::Stamp,
    is_changed: bool,
}

impl<T: Element, L: Lifetime> Value<T, L> {
    /// The value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.held.as_ref().filter(|(_, written)| !L::is_over(*written, self.now)).map(|(value, _)| value)
    }

    /// The value to change, if there is one; that is a write.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.get()?;
        self.is_changed = true;
        let (value, written) = self.held.as_mut()?;
        *written = self.now;
        Some(value)
    }

    /// The value to change; what `first` gives if there is none. That is a write.
    #[inline]
    pub fn get_or_insert_with(&mut self, first: impl FnOnce() -> T) -> &mut T {
        if self.get().is_none() {
            self.held = None;
        }
        self.is_changed = true;
        let (value, written) = self.held.get_or_insert_with(|| (first(), self.now));
        *written = self.now;
        value
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&mut self, value: T) {
        self.held = Some((value, self.now));
        self.is_changed = true;
    }

    /// Takes the value out.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        let (value, written) = self.held.take()?;
        self.is_changed = true;
        (!L::is_over(written, self.now)).then_some(value)
    }

    /// Forgets the value.
    #[inline]
    pub fn clear(&mut self) {
        self.take();
    }
}

impl<T, L: Lifetime> Default for Value<T, L> {
    fn default() -> Self {
        Value { held: None, now: L::Stamp::default(), is_changed: false }
    }
}

impl<T: Element, L: Lifetime> Cell for Value<T, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        declare_cell::<L>(name, format!("Value<{}>", type_name::<T>()), into);
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.held.is_none()
    }

    #[inline]
    fn begin(&mut self, now: Now) {
        self.now = L::stamp(now);
    }

    fn sweep(&mut self, now: Now) -> bool {
        let is_over = self.held.as_ref().is_some_and(|(_, written)| L::is_over(*written, L::stamp(now)));
        if is_over {
            self.clear();
        }
        is_over
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        put(&self.held, into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.held = take(from)?;
        Ok(())
    }

    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        if !std::mem::take(&mut self.is_changed) {
            return Ok(false);
        }
        self.encode(into)?;
        Ok(true)
    }

    fn mark_saved(&mut self) {
        self.is_changed = false;
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.decode(from)
    }
}
