//! One side column: a value for the whole bundle, or one per element.

/// A column that is often constant.
#[derive(Clone, Debug)]
pub enum Column<V> {
    /// Every element has this value.
    One(V),
    /// Element i has value i.
    Each(Vec<V>),
}

impl<V: Copy + PartialEq> Column<V> {
    /// The value of element `i`.
    #[inline]
    pub fn get(&self, i: usize) -> V {
        match self {
            Column::One(value) => *value,
            Column::Each(values) => values[i],
        }
    }

    /// The value that all elements share, if the column is constant.
    pub fn constant(&self) -> Option<V> {
        match self {
            Column::One(value) => Some(*value),
            Column::Each(_) => None,
        }
    }

    /// The distinct runs' values at most: one for a constant column, else one per element.
    pub fn as_slice(&self) -> &[V] {
        match self {
            Column::One(value) => std::slice::from_ref(value),
            Column::Each(values) => values,
        }
    }

    /// Replaces all values, one per element; becomes constant if they are all equal.
    pub fn refill(&mut self, values: impl Iterator<Item = V>) {
        let mut each = match std::mem::replace(self, Column::Each(Vec::new())) {
            Column::Each(mut old) => {
                old.clear();
                old
            }
            Column::One(_) => Vec::new(),
        };
        each.extend(values);
        *self = match each.first() {
            Some(first) if each.iter().all(|value| value == first) => Column::One(*first),
            _ => Column::Each(each),
        };
    }

    /// Appends `more` times `value` to a column of `len` elements.
    #[inline]
    pub(super) fn push_many(&mut self, len: usize, more: usize, value: V) {
        match self {
            Column::One(_) if len == 0 => *self = Column::One(value),
            Column::One(same) if *same == value => {}
            Column::One(_) => {
                let each = self.each(len);
                each.extend(std::iter::repeat_n(value, more));
            }
            Column::Each(each) => each.extend(std::iter::repeat_n(value, more)),
        }
    }

    pub(super) fn append(&mut self, len: usize, other: &mut Column<V>, more: usize) {
        match other {
            Column::One(value) => self.push_many(len, more, *value),
            Column::Each(values) => self.each(len).append(values),
        }
    }

    pub(super) fn split_off(&mut self, at: usize) -> Column<V> {
        match self {
            Column::One(value) => Column::One(*value),
            Column::Each(values) => Column::Each(values.split_off(at)),
        }
    }

    pub(super) fn retain_mask(&mut self, mask: &[bool]) {
        if let Column::Each(values) = self {
            let mut flags = mask.iter();
            values.retain(|_| flags.next() == Some(&true));
        }
    }

    /// The values one per element, for a column of `len`.
    fn each(&mut self, len: usize) -> &mut Vec<V> {
        if let Column::One(value) = self {
            *self = Column::Each(vec![*value; len]);
        }
        match self {
            Column::Each(values) => values,
            Column::One(_) => unreachable!("made one per element above"),
        }
    }
}
