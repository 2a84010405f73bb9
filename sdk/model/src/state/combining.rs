//! A cell that combines what is added.

use std::any::type_name;

use super::bytes::{put, take};
use super::cell::declare_cell;
use super::{Cell, Forever, Lifetime, Now};
use crate::combine::CombineFn;
use crate::kernel::StatefulSpec;
use crate::{BoxError, Element};

/// The values added so far, combined by `C`.
///
/// ```
/// use purlin_model::{combine::Sum, state::Combining};
/// let mut total = Combining::<Sum, i64>::default();
/// total.add(3);
/// total.add(4);
/// assert_eq!(total.get(), 7);
/// ```
pub struct Combining<C: CombineFn<In>, In, L: Lifetime = Forever> {
    held: Option<(C::Accumulator, L::Stamp)>,
    now: L::Stamp,
    is_changed: bool,
    combiner: C,
}

impl<C: CombineFn<In> + Default, In: Element, L: Lifetime> Combining<C, In, L> {
    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: In) {
        self.is_changed = true;
        match &mut self.held {
            Some((accumulator, written)) if !L::is_over(*written, self.now) => {
                self.combiner.add_owned(accumulator, value);
                *written = self.now;
            }
            held => {
                let mut accumulator = self.combiner.create();
                self.combiner.add_owned(&mut accumulator, value);
                *held = Some((accumulator, self.now));
            }
        }
    }

    /// The result; that of no values if there are none.
    pub fn get(&self) -> C::Output {
        let held = self.held.as_ref().filter(|(_, written)| !L::is_over(*written, self.now));
        let accumulator = held.map_or_else(|| self.combiner.create(), |(accumulator, _)| accumulator.clone());
        self.combiner.extract(accumulator)
    }

    /// The result, which is forgotten: that of no values if there are none.
    pub fn take(&mut self) -> C::Output {
        let held = self.held.take().filter(|(_, written)| !L::is_over(*written, self.now));
        self.is_changed = true;
        self.combiner.extract(held.map_or_else(|| self.combiner.create(), |(accumulator, _)| accumulator))
    }

    /// Whether no value was added.
    pub fn is_empty(&self) -> bool {
        self.held.as_ref().is_none_or(|(_, written)| L::is_over(*written, self.now))
    }

    /// Forgets all values.
    #[inline]
    pub fn clear(&mut self) {
        self.is_changed |= self.held.take().is_some();
    }
}

impl<C: CombineFn<In> + Default, In, L: Lifetime> Default for Combining<C, In, L> {
    fn default() -> Self {
        Combining { held: None, now: L::Stamp::default(), is_changed: false, combiner: C::default() }
    }
}

impl<C: CombineFn<In> + Default, In: Element, L: Lifetime> Cell for Combining<C, In, L> {
    fn declare(name: &'static str, into: &mut StatefulSpec) {
        let descriptor =
            format!("Combining<{}, {}> as {}", type_name::<C>(), type_name::<In>(), type_name::<C::Accumulator>());
        declare_cell::<L>(name, descriptor, into);
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
