//! A vector in chunks: its memory grows by little at a time, and nothing is moved when it does.
//!
//! One that doubles would take up to twice what is in it, and both its old and its new memory while it is moved.

/// How many items a chunk has.
pub(super) const CHUNK: usize = 1 << 10;

/// Items by number.
pub(super) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Chunks<T> {
    pub(super) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at / CHUNK)?.get(at % CHUNK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// Adds an item behind the last.
    pub(super) fn push(&mut self, item: T) {
        match self.0.last_mut() {
            // Where there are only a few the first one is no larger than need be.
            Some(last) if last.len() < CHUNK => last.push(item),
            Some(_) => {
                let mut next = Vec::with_capacity(CHUNK);
                next.push(item);
                self.0.push(next);
            }
            None => self.0.push(vec![item]),
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_number_beyond_a_chunk() {
        let mut chunks = Chunks::default();
        let many = 2 * CHUNK + 3;
        (0..many).for_each(|n| chunks.push(n));
        assert_eq!(chunks.len(), many);
        assert!((0..many).all(|n| chunks.get(n) == Some(&n)));
        assert_eq!([many, 3 * CHUNK, 9 * CHUNK].map(|n| chunks.get_mut(n).is_some()), [false; 3]);
        assert!(chunks.iter_mut().map(|n| *n).eq(0..many));
    }
}
