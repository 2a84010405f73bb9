//! Text and bytes that are cheaper to clone than to make: each entry of a dictionary is made once, and rows have clones of it.

use std::cell::OnceCell;

use arrow_array::ArrayRef;

use super::blob::{Blob, Blobs};

/// A column of text or bytes that hands out `O`s, each made anew, or cloned from the dictionary's entry.
pub struct SharedBlobs<'a, B: Blob + ?Sized, O> {
    blobs: Blobs<'a, B>,
    /// Of a dictionary: its entries, each made when a row first needs it, as a batch may use few of many.
    entries: Vec<OnceCell<O>>,
}

impl<'a, B: Blob + ?Sized, O> SharedBlobs<'a, B, O>
where
    O: Clone + for<'b> From<&'b B>,
{
    pub(super) fn new(array: &'a ArrayRef) -> Self {
        let blobs = Blobs::new(array);
        let entries = if blobs.keys.is_some() { blobs.values.len() } else { 0 };
        SharedBlobs { blobs, entries: vec![OnceCell::new(); entries] }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> O {
        match &self.blobs.keys {
            None => self.blobs.values.get(row).into(),
            Some(keys) => {
                let entry = keys[row];
                self.entries[entry].get_or_init(|| self.blobs.values.get(entry).into()).clone()
            }
        }
    }
}
