//! Text and bytes that are cheaper to clone than to make: each entry of a dictionary is made once, and rows have clones of it.

use arrow_array::ArrayRef;

use super::blob::{Blob, Blobs};

/// A column of text or bytes that hands out `O`s, each made anew, or cloned from the dictionary's entry.
pub struct SharedBlobs<'a, B: Blob + ?Sized, O> {
    blobs: Blobs<'a, B>,
    /// Of a dictionary: those entries that rows have, as a batch may use few of many.
    entries: Vec<Option<O>>,
}

impl<'a, B: Blob + ?Sized, O> SharedBlobs<'a, B, O>
where
    O: Clone + for<'b> From<&'b B>,
{
    pub(super) fn new(array: &'a ArrayRef) -> Self {
        let blobs: Blobs<'a, B> = Blobs::new(array);
        let mut entries = Vec::new();
        if let Some(keys) = &blobs.keys {
            entries.resize(blobs.values.len(), None);
            for key in keys {
                let entry: &mut Option<O> = &mut entries[*key];
                if entry.is_none() {
                    *entry = Some(blobs.values.get(*key).into());
                }
            }
        }
        SharedBlobs { blobs, entries }
    }

    // Always: a value that is returned through memory in pieces of other sizes than it is then read in costs more than all the rest.
    #[inline(always)]
    pub(super) fn get(&self, row: usize) -> O {
        match &self.blobs.keys {
            None => self.blobs.values.get(row).into(),
            Some(keys) => match &self.entries[keys[row]] {
                Some(made) => made.clone(),
                None => unreachable!("every key's entry was made"),
            },
        }
    }
}
