//! Text and bytes as Arrow lays them out: one reader and one writer for `str` and `[u8]`.
//!
//! A column is offsets into one buffer, views into several, or a dictionary: keys into a short column of the distinct
//! values. [`Blobs`] lends a row's value out of any of them.

use std::sync::Arc;

use arrow_array::builder::GenericByteBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType, LargeUtf8Type};
use arrow_array::types::{StringViewType, Utf8Type};
use arrow_array::{Array, ArrayRef, GenericByteArray, GenericByteViewArray};

use super::RowError;

/// `str` or `[u8]`, with the three layouts that Arrow has for it.
pub trait Blob: AsRef<[u8]> + AsRef<Self> + 'static {
    /// The accepted types in words.
    const WANTS: &'static str;
    /// Whether Arrow has a type for values of one size.
    const FIXED_SIZE: bool;
    /// Offsets of 32 bits: what is written.
    type Small: ByteArrayType<Native = Self, Offset = i32>;
    /// Offsets of 64 bits.
    type Large: ByteArrayType<Native = Self>;
    /// Views, with short values inlined.
    type View: ByteViewType<Native = Self>;
}

impl Blob for str {
    const WANTS: &'static str = "Utf8, LargeUtf8, Utf8View or a dictionary of one of these";
    const FIXED_SIZE: bool = false;
    type Small = Utf8Type;
    type Large = LargeUtf8Type;
    type View = StringViewType;
}

impl Blob for [u8] {
    const WANTS: &'static str = "Binary, LargeBinary, BinaryView, a dictionary of one of these, or FixedSizeBinary";
    const FIXED_SIZE: bool = true;
    type Small = BinaryType;
    type Large = LargeBinaryType;
    type View = BinaryViewType;
}

/// A column of text or bytes that lends its values.
pub struct Blobs<'a, B: Blob + ?Sized> {
    /// Of a dictionary: for each row the place of its value.
    pub(super) keys: Option<Vec<usize>>,
    pub(super) values: Layout<'a, B>,
}

/// The values as they lie in memory.
pub(super) enum Layout<'a, B: Blob + ?Sized> {
    Small(&'a GenericByteArray<B::Small>),
    Large(&'a GenericByteArray<B::Large>),
    View(&'a GenericByteViewArray<B::View>),
}

impl<'a, B: Blob + ?Sized> Blobs<'a, B> {
    pub(super) fn new(array: &'a ArrayRef) -> Self {
        match array.as_any_dictionary_opt() {
            None => Blobs { keys: None, values: Layout::new(array) },
            // Without values every row is null and no key is ever looked at.
            Some(dictionary) if dictionary.values().is_empty() => {
                Blobs { keys: Some(Vec::new()), values: Layout::new(dictionary.values()) }
            }
            Some(dictionary) => {
                Blobs { keys: Some(dictionary.normalized_keys()), values: Layout::new(dictionary.values()) }
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> &'a B {
        self.values.get(self.keys.as_ref().map_or(row, |keys| keys[row]))
    }
}

impl<'a, B: Blob + ?Sized> Layout<'a, B> {
    fn new(array: &'a ArrayRef) -> Self {
        if let Some(small) = array.as_bytes_opt() {
            Layout::Small(small)
        } else if let Some(large) = array.as_bytes_opt() {
            Layout::Large(large)
        } else {
            Layout::View(array.as_byte_view())
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Layout::Small(array) => array.len(),
            Layout::Large(array) => array.len(),
            Layout::View(array) => array.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> &'a B {
        match self {
            Layout::Small(array) => array.value(place),
            Layout::Large(array) => array.value(place),
            Layout::View(array) => array.value(place),
        }
    }
}

/// The cells with offsets of 32 bits.
pub(super) fn write<'a, B: Blob + ?Sized>(
    column: &str,
    cells: impl ExactSizeIterator<Item = Option<&'a B>> + Clone,
) -> Result<ArrayRef, RowError> {
    let rows = cells.len();
    let bytes = cells.clone().flatten().map(|blob| AsRef::<[u8]>::as_ref(blob).len()).sum();
    if i32::try_from(bytes).is_err() {
        return Err(RowError::TooLarge { column: column.to_owned(), rows, bytes });
    }
    let mut builder = GenericByteBuilder::<B::Small>::with_capacity(rows, bytes);
    cells.for_each(|cell| builder.append_option(cell));
    Ok(Arc::new(builder.finish()))
}
