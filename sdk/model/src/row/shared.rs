//! Text and bytes by counted reference: rows with the same dictionary entry share one allocation.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow_array::ArrayRef;

use super::blob::{Blob, Blobs};

/// A column of text or bytes that hands out counted references: one allocation per row, or per dictionary entry.
pub struct SharedBlobs<'a, B: Blob + ?Sized> {
    blobs: Blobs<'a, B>,
    /// Of a dictionary: its entries, each made when a row first needs it, as a batch may use few of many.
    entries: Vec<OnceCell<Arc<B>>>,
}

impl<'a, B: Blob + ?Sized> SharedBlobs<'a, B>
where
    Arc<B>: for<'b> From<&'b B>,
{
    pub(super) fn new(array: &'a ArrayRef) -> Self {
        let blobs = Blobs::new(array);
        let entries = if blobs.keys.is_some() { blobs.values.len() } else { 0 };
        SharedBlobs { blobs, entries: vec![OnceCell::new(); entries] }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> Arc<B> {
        match &self.blobs.keys {
            None => self.blobs.values.get(row).into(),
            Some(keys) => {
                let entry = keys[row];
                self.entries[entry].get_or_init(|| self.blobs.values.get(entry).into()).clone()
            }
        }
    }
}
