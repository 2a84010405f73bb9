//! `String`, `CompactString`, `Arc<str>`, `Vec<u8>` and `Arc<[u8]>`: owned and shared text and bytes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ByteArrayType, ByteViewType};
use arrow_array::{Array, ArrayRef, LargeBinaryArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use compact_str::CompactString;

use super::blob::{self, Blob, Blobs};
use super::shared::SharedBlobs;
use super::{Cell, RowError};

macro_rules! blob_cell {
    ($owned:ty, $blob:ty, $view:ident $(<$made:ty>)?) => {
        impl Cell for $owned {
            const WANTS: &'static str = <$blob>::WANTS;
            type View<'a> = $view<'a, $blob $(, $made)?>;

            fn data_type() -> DataType {
                <$blob as Blob>::Small::DATA_TYPE
            }

            fn accepts(found: &DataType) -> bool {
                accepts::<$blob>(found)
            }

            fn adapt(_column: &str, array: &ArrayRef) -> Result<ArrayRef, RowError> {
                Ok(with_offsets(array))
            }

            fn view(array: &ArrayRef, _rows: usize) -> Self::View<'_> {
                $view::new(array)
            }

            #[inline]
            fn get(view: &Self::View<'_>, row: usize) -> Self {
                view.get(row).into()
            }

            fn write<'a>(
                column: &str,
                cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
            ) -> Result<ArrayRef, RowError> {
                blob::write::<$blob>(column, cells.map(|cell| cell.map(AsRef::as_ref)))
            }
        }
    };
}

blob_cell!(String, str, Blobs);
blob_cell!(CompactString, str, SharedBlobs<CompactString>);
blob_cell!(Arc<str>, str, SharedBlobs<Arc<str>>);
blob_cell!(Vec<u8>, [u8], Blobs);
blob_cell!(Arc<[u8]>, [u8], SharedBlobs<Arc<[u8]>>);

fn accepts<B: Blob + ?Sized>(found: &DataType) -> bool {
    let plain = |found: &DataType| [B::Small::DATA_TYPE, B::Large::DATA_TYPE, B::View::DATA_TYPE].contains(found);
    match found {
        DataType::Dictionary(_, values) => plain(values),
        DataType::FixedSizeBinary(_) => B::FIXED_SIZE,
        found => plain(found),
    }
}

/// Values of a fixed size with offsets put to them (64 bits, so that they always fit); others are as they should be.
fn with_offsets(array: &ArrayRef) -> ArrayRef {
    let Some(fixed) = array.as_fixed_size_binary_opt() else {
        return array.clone();
    };
    // An Arrow size is an i32 that is not negative.
    let size = fixed.value_length().unsigned_abs() as usize;
    let offsets = OffsetBuffer::from_repeated_length(size, fixed.len());
    Arc::new(LargeBinaryArray::new(offsets, fixed.values().clone(), fixed.nulls().cloned()))
}
