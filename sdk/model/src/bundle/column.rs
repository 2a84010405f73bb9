//! One side column: a value for the whole bundle, or one per element.

use super::compact::compact_by;

/// A column that is often constant.
#[derive(Clone, Debug)]
pub struct Column<V> {
    /// The value of every element, if the column is constant.
    one: V,
    /// Else element i has value i. In a constant column this is empty, and keeps its memory for the next that varies.
    each: Vec<V>,
    is_constant: bool,
}

impl<V: Copy + PartialEq> Column<V> {
    /// A column in which every element has this value.
    pub const fn one(value: V) -> Self {
        Column { one: value, each: Vec::new(), is_constant: true }
    }

    /// The value of element `i`.
    #[inline]
    pub fn get(&self, i: usize) -> V {
        if self.is_constant { self.one } else { self.each[i] }
    }

    /// The value that all elements share, if the column is constant.
    #[inline]
    pub fn constant(&self) -> Option<V> {
        self.is_constant.then_some(self.one)
    }

    /// The distinct runs' values at most: one for a constant column, else one per element.
    pub fn as_slice(&self) -> &[V] {
        if self.is_constant { std::slice::from_ref(&self.one) } else { &self.each }
    }

    /// The column of `len` elements as runs of equal neighbours: each value with how often it stands in a row.
    pub(crate) fn runs(&self, len: usize) -> impl Iterator<Item = (V, usize)> {
        let constant = (self.is_constant && len > 0).then_some((self.one, len));
        constant.into_iter().chain(self.each.chunk_by(V::eq).map(|run| (run[0], run.len())))
    }

    /// Gives every element this value.
    pub fn set(&mut self, value: V) {
        self.one = value;
        self.clear();
    }

    /// Replaces all values, one per element; becomes constant if they are all equal.
    #[inline]
    pub fn refill(&mut self, mut values: impl Iterator<Item = V>) {
        self.clear();
        let Some(first) = values.next() else { return };
        self.one = first;
        let mut alike = 1;
        while let Some(value) = values.next() {
            if value != first {
                self.vary(alike);
                self.each.push(value);
                self.each.extend(values);
                return;
            }
            alike += 1;
        }
    }

    /// Appends `more` times `value` to a column of `len` elements.
    #[inline]
    pub(super) fn push_many(&mut self, len: usize, more: usize, value: V) {
        if self.is_constant {
            if len == 0 {
                self.one = value;
            }
            if self.one == value {
                return;
            }
            self.vary(len);
        }
        self.each.extend(std::iter::repeat_n(value, more));
    }

    /// Moves the values of `other`, a column of `more` elements, behind the `len` of this one.
    pub(super) fn append(&mut self, len: usize, other: &mut Column<V>, more: usize) {
        if other.is_constant {
            return self.push_many(len, more, other.one);
        }
        if self.is_constant {
            self.vary(len);
        }
        self.each.append(&mut other.each);
        other.clear();
    }

    /// Appends the value of each element to the column that `places` names for it; `lens` says how many each has, and how many more come.
    pub(super) fn scatter<'a>(&self, places: &[u8], lens: &[(usize, usize)], into: impl Iterator<Item = &'a mut Self>)
    where
        V: 'a,
    {
        let mut into: Vec<(&mut Self, (usize, usize))> = into.zip(lens.iter().copied()).collect();
        if self.is_constant {
            let some = into.iter_mut().filter(|(_, (_, more))| *more > 0);
            return some.for_each(|(column, (len, more))| column.push_many(*len, *more, self.one));
        }
        for (column, (len, more)) in &mut into {
            if column.is_constant && *more > 0 {
                column.vary(*len);
            }
            column.each.reserve(*more);
        }
        for (value, place) in self.each.iter().zip(places) {
            into[usize::from(*place)].0.each.push(*value);
        }
    }

    /// Moves the values of `other` behind the `len` of this one, value i `times[i]` times in a row: `more` in all.
    pub(super) fn append_times(&mut self, len: usize, other: &mut Column<V>, times: &[usize], more: usize) {
        if more > 0 && other.is_constant {
            self.push_many(len, more, other.one);
        } else if more > 0 {
            if self.is_constant {
                self.vary(len);
            }
            self.each.reserve(more);
            for (value, times) in other.each.iter().zip(times) {
                match times {
                    0 => {}
                    1 => self.each.push(*value),
                    _ => self.each.extend(std::iter::repeat_n(*value, *times)),
                }
            }
        }
        other.clear();
    }

    pub(super) fn split_off(&mut self, at: usize) -> Column<V> {
        let each = if self.is_constant { Vec::new() } else { self.each.split_off(at) };
        Column { one: self.one, each, is_constant: self.is_constant }
    }

    pub(super) fn retain_mask(&mut self, mask: &[bool]) {
        if !self.is_constant {
            compact_by(&mut self.each, mask);
        }
    }

    /// Makes it a column of no elements.
    pub(super) fn clear(&mut self) {
        self.each.clear();
        self.is_constant = true;
    }

    /// Stores the one value for each of `len` elements.
    #[cold]
    fn vary(&mut self, len: usize) {
        self.each.resize(len, self.one);
        self.is_constant = false;
    }
}
