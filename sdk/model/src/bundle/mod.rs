//! Bundles: the unit that moves between transforms.
//!
//! A bundle keeps its values contiguous and what belongs to them (timestamp, windows, pane) in side
//! columns, each of which is one value for the whole bundle or one per value. So a map touches the
//! values alone, types are erased once per bundle, and nothing is allocated per element.

mod any;
mod column;
mod compact;
mod encoded;
mod sides;

pub use any::AnyBundle;
pub use column::Column;
pub use encoded::{decode_bundle, encode_bundle};
pub use sides::{ElementSides, Sides};

use std::iter::Take;
use std::vec::Drain;

use self::compact::{compact, compact_by};
use crate::{Pane, Timestamp, window::WindowSet};

/// How many elements a bundle holds where nobody has a reason for another number: large enough that the cost per
/// bundle vanishes, small enough that values and side columns stay in the processor's second-level cache.
pub const BUNDLE_TARGET: usize = 1024;

/// Values of one type with their timestamps, windows and panes.
///
/// ```
/// use purlin_model::{Timestamp, bundle::{Bundle, ElementSides}};
/// let mut bundle = Bundle::new();
/// bundle.push("a", ElementSides::at(Timestamp::from_millis(1)));
/// bundle.push("bc", ElementSides::at(Timestamp::from_millis(2)));
/// let mut lengths = Bundle::new();
/// bundle.map_into(&mut lengths, |text| text.len());
/// assert_eq!(lengths.values(), [1, 2]);
/// assert_eq!(lengths.sides().timestamps().get(1), Timestamp::from_millis(2));
/// assert!(bundle.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Bundle<T> {
    values: Vec<T>,
    sides: Sides,
}

impl<T> Bundle<T> {
    /// An empty bundle.
    pub fn new() -> Self {
        Bundle { values: Vec::new(), sides: Sides::default() }
    }

    /// Values without timestamps: each at [`Timestamp::MIN`], in the global window.
    pub fn of(values: Vec<T>) -> Self {
        Bundle { values, sides: Sides::default() }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Removes all elements, keeping the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.sides.clear();
    }

    /// The values.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The side columns.
    pub fn sides(&self) -> &Sides {
        &self.sides
    }

    /// The side columns, to change. Their length stays that of the values.
    pub fn sides_mut(&mut self) -> &mut Sides {
        &mut self.sides
    }

    /// The values and their side columns.
    pub fn parts(&self) -> (&[T], &Sides) {
        (&self.values, &self.sides)
    }

    /// Appends one element.
    #[inline]
    pub fn push(&mut self, value: T, sides: ElementSides) {
        self.sides.push(self.values.len(), sides);
        self.values.push(value);
    }

    /// Appends values that share `sides`.
    pub fn extend_with(&mut self, values: impl IntoIterator<Item = T>, sides: ElementSides) {
        let before = self.values.len();
        self.values.extend(values);
        self.sides.push_many(before, self.values.len() - before, sides);
    }

    /// Appends values whose sources know no timestamps: at [`Timestamp::MIN`], in the global window.
    pub fn fill(&mut self, values: impl IntoIterator<Item = T>) {
        self.extend_with(values, ElementSides::at(Timestamp::MIN));
    }

    /// Direct access to the values' memory, for decoders that append many at once; call
    /// [`note_appended`](Self::note_appended) afterwards.
    pub fn values_mut(&mut self) -> &mut Vec<T> {
        &mut self.values
    }

    /// Says that values were appended through [`values_mut`](Self::values_mut), from index `before` on, all with `sides`.
    pub fn note_appended(&mut self, before: usize, sides: ElementSides) {
        self.sides.push_many(before, self.values.len() - before, sides);
    }

    /// Sets every element's timestamp by its value.
    ///
    /// Errors with the first timestamp that no element may have.
    pub fn set_timestamps(&mut self, of: impl Fn(&T) -> Timestamp) -> Result<(), Timestamp> {
        let column = self.sides.timestamps_mut();
        column.refill(self.values.iter().map(of));
        let invalid = column.as_slice().iter().find(|at| !at.is_valid_for_element());
        invalid.map_or(Ok(()), |at| Err(*at))
    }

    /// Moves every element into `into`, which is cleared first, changed by `f`; side columns move as they are.
    #[inline]
    pub fn map_into<U>(&mut self, into: &mut Bundle<U>, f: impl FnMut(T) -> U) {
        into.clear();
        into.values.extend(self.values.drain(..).map(f));
        std::mem::swap(&mut self.sides, &mut into.sides);
    }

    /// The same for an `f` that is told each element's side values.
    #[inline]
    pub fn map_into_with<U>(&mut self, into: &mut Bundle<U>, mut f: impl FnMut(T, ElementSides) -> U) {
        into.clear();
        let values = self.values.drain(..);
        if self.sides.all_constant() {
            let sides = self.sides.get(0);
            into.values.extend(values.map(|value| f(value, sides)));
        } else {
            into.values.extend(values.enumerate().map(|(i, value)| f(value, self.sides.get(i))));
        }
        std::mem::swap(&mut self.sides, &mut into.sides);
    }

    /// Moves what `f` gives for each element behind the elements of `into`, each with the side values of the element it comes from.
    pub fn flat_map_into<U, I>(&mut self, into: &mut Bundle<U>, mut f: impl FnMut(T) -> I)
    where
        I: IntoIterator<Item = U>,
    {
        let before = into.values.len();
        let mut times = Vec::with_capacity(self.values.len());
        let mut len = before;
        for value in self.values.drain(..) {
            into.values.extend(f(value));
            times.push(into.values.len() - len);
            len = into.values.len();
        }
        into.sides.append_times(before, &mut self.sides, &times, len - before);
    }

    /// Keeps the elements for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        if self.sides.all_constant() {
            compact(&mut self.values, keep);
            return;
        }
        let kept: Vec<bool> = self.values.iter().map(&mut keep).collect();
        self.retain_mask(&kept);
    }

    /// Keeps the elements whose place in `mask` is true.
    pub fn retain_mask(&mut self, mask: &[bool]) {
        assert_eq!(mask.len(), self.values.len(), "one mask entry per element");
        compact_by(&mut self.values, mask);
        self.sides.retain_mask(mask);
    }

    /// Takes all elements out, in order, with their side values. The bundle is empty afterwards.
    pub fn drain(&mut self) -> impl Iterator<Item = (T, ElementSides)> {
        let sides = std::mem::take(&mut self.sides);
        self.values.drain(..).enumerate().map(move |(i, value)| (value, sides.get(i)))
    }

    /// Takes all values out, in order, in runs that share their windows: `take(windows, values)`.
    pub(crate) fn drain_by_windows(&mut self, mut take: impl FnMut(WindowSet, Take<&mut Drain<'_, T>>)) {
        let len = self.values.len();
        let mut values = self.values.drain(..);
        for (windows, count) in self.sides.windows().runs(len) {
            take(windows, values.by_ref().take(count));
        }
        drop(values);
        self.sides.clear();
    }

    /// Moves each element to the end of the bundle that `places` names for it.
    pub(crate) fn scatter(&mut self, places: &[u8], into: &mut [&mut Bundle<T>]) {
        assert_eq!(places.len(), self.values.len(), "one place per element");
        let mut lens: Vec<(usize, usize)> = into.iter().map(|into| (into.len(), 0)).collect();
        places.iter().for_each(|place| lens[usize::from(*place)].1 += 1);
        for (into, (_, more)) in into.iter_mut().zip(&lens) {
            into.values.reserve(*more);
        }
        for (value, place) in self.values.drain(..).zip(places) {
            into[usize::from(*place)].values.push(value);
        }
        let mut sides: Vec<&mut Sides> = into.iter_mut().map(|into| &mut into.sides).collect();
        self.sides.scatter(places, &lens, &mut sides);
        self.sides.clear();
    }

    /// All elements with their side values.
    pub fn iter(&self) -> impl Iterator<Item = (&T, ElementSides)> {
        self.values.iter().enumerate().map(|(i, value)| (value, self.sides.get(i)))
    }

    /// Moves the elements of `other` to the end of this bundle.
    pub fn append(&mut self, other: &mut Bundle<T>) {
        if self.is_empty() {
            std::mem::swap(self, other);
            other.clear();
            return;
        }
        let before = self.values.len();
        let more = other.values.len();
        self.values.append(&mut other.values);
        self.sides.append(before, &mut other.sides, more);
    }

    /// Splits off the elements from `at` on.
    pub fn split_off(&mut self, at: usize) -> Bundle<T> {
        let len = self.values.len();
        Bundle { values: self.values.split_off(at), sides: self.sides.split_off(at, len) }
    }
}

impl<T> Bundle<T> {
    /// Puts the elements into the order of their timestamps; those of one time keep theirs.
    pub fn sort_by_timestamp(&mut self) {
        if self.sides.timestamps().as_slice().is_sorted() {
            return;
        }
        let mut elements: Vec<(T, ElementSides)> = self.drain().collect();
        elements.sort_by_key(|(_, sides)| sides.timestamp);
        for (value, sides) in elements {
            self.push(value, sides);
        }
    }
}

impl<T: Clone> Bundle<T> {
    /// Makes every element lie in exactly one window, cloning values that lie in several.
    pub fn explode_windows(&mut self) {
        if self.sides.windows().as_slice().iter().all(|set| set.len() == 1) {
            return;
        }
        let mut exploded = Bundle::new();
        for (value, sides) in self.drain() {
            let mut windows = sides.windows.iter().map(WindowSet::one);
            let Some(mut next) = windows.next() else { continue };
            for following in windows {
                exploded.push(value.clone(), ElementSides { windows: next, ..sides });
                next = following;
            }
            exploded.push(value, ElementSides { windows: next, ..sides });
        }
        *self = exploded;
    }

    /// Makes element i stand `times[i]` times in a row; zero removes it.
    pub fn repeat_each(&mut self, times: &[usize]) {
        let mut repeated = Bundle::new();
        for ((value, sides), times) in self.drain().zip(times) {
            repeated.extend_with(std::iter::repeat_n(value, *times), sides);
        }
        *self = repeated;
    }
}

impl<T> Default for Bundle<T> {
    fn default() -> Self {
        Bundle::new()
    }
}

impl<T> FromIterator<(T, Timestamp)> for Bundle<T> {
    fn from_iter<I: IntoIterator<Item = (T, Timestamp)>>(elements: I) -> Self {
        let mut bundle = Bundle::new();
        for (value, timestamp) in elements {
            bundle.push(value, ElementSides { timestamp, windows: WindowSet::GLOBAL, pane: Pane::UNGROUPED });
        }
        bundle
    }
}

#[cfg(test)]
mod tests;
