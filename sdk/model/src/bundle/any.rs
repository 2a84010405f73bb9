//! A bundle whose element type is known only to the transforms at its ends.

use std::any::Any;

use super::{Bundle, Sides};

/// A [`Bundle`] with its type erased. Runners move these; a transform's kernel gets its typed bundle back by
/// `downcast`, once per bundle.
pub trait AnyBundle: Send + Sync + 'static {
    /// How many elements there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Removes all elements, keeping the memory.
    fn clear(&mut self);
    /// The side columns.
    fn sides(&self) -> &Sides;
    /// The side columns, to change.
    fn sides_mut(&mut self) -> &mut Sides;
    /// An empty bundle of the same type.
    fn new_empty(&self) -> Box<dyn AnyBundle>;
    /// A copy.
    fn duplicate(&self) -> Box<dyn AnyBundle>;
    /// All elements, moved out; this bundle stays, empty.
    fn take(&mut self) -> Box<dyn AnyBundle>;
    /// Moves the elements of `other`, of the same type, to the end of this bundle.
    fn append(&mut self, other: &mut dyn AnyBundle);
    /// Appends clones of the elements of `other`, of the same type.
    fn extend_from(&mut self, other: &dyn AnyBundle);
    /// Splits off the elements from `at` on.
    fn split_off(&mut self, at: usize) -> Box<dyn AnyBundle>;
    /// Keeps the elements whose place in `mask` is true.
    fn retain_mask(&mut self, mask: &[bool]);
    /// Puts the elements into the order of their timestamps; those of one time keep theirs.
    fn sort_by_timestamp(&mut self);
    /// Makes every element lie in exactly one window.
    fn explode_windows(&mut self);
    /// Makes element i stand `times[i]` times in a row; zero removes it.
    fn repeat_each(&mut self, times: &[usize]);
    /// The typed bundle, as `Any`.
    fn as_any(&self) -> &dyn Any;
    /// The typed bundle, as `Any`, to change.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl dyn AnyBundle {
    /// The typed bundle.
    ///
    /// # Panics
    /// If the elements are of another type: a fault in the planner, for the graph's types were checked at compile time.
    #[inline]
    pub fn downcast<T: 'static>(&mut self) -> &mut Bundle<T> {
        self.as_any_mut().downcast_mut().expect("the planner connects collections of one type")
    }

    /// The typed bundle, to read. Panics like `downcast`.
    #[inline]
    pub fn downcast_ref<T: 'static>(&self) -> &Bundle<T> {
        self.as_any().downcast_ref().expect("the planner connects collections of one type")
    }
}

impl<T: Clone + Send + Sync + 'static> AnyBundle for Bundle<T> {
    fn len(&self) -> usize {
        Bundle::len(self)
    }

    fn clear(&mut self) {
        Bundle::clear(self);
    }

    fn sides(&self) -> &Sides {
        Bundle::sides(self)
    }

    fn sides_mut(&mut self) -> &mut Sides {
        Bundle::sides_mut(self)
    }

    fn new_empty(&self) -> Box<dyn AnyBundle> {
        Box::new(Bundle::<T>::new())
    }

    fn duplicate(&self) -> Box<dyn AnyBundle> {
        Box::new(self.clone())
    }

    fn take(&mut self) -> Box<dyn AnyBundle> {
        Box::new(std::mem::take(self))
    }

    fn append(&mut self, other: &mut dyn AnyBundle) {
        Bundle::append(self, other.downcast());
    }

    fn extend_from(&mut self, other: &dyn AnyBundle) {
        Bundle::append(self, &mut other.downcast_ref::<T>().clone());
    }

    fn split_off(&mut self, at: usize) -> Box<dyn AnyBundle> {
        Box::new(Bundle::split_off(self, at))
    }

    fn retain_mask(&mut self, mask: &[bool]) {
        Bundle::retain_mask(self, mask);
    }

    fn sort_by_timestamp(&mut self) {
        Bundle::sort_by_timestamp(self);
    }

    fn explode_windows(&mut self) {
        Bundle::explode_windows(self);
    }

    fn repeat_each(&mut self, times: &[usize]) {
        Bundle::repeat_each(self, times);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
