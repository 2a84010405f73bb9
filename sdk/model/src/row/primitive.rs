//! Integers and floats: slices of native values.
//!
//! A narrower column is widened as a whole before it is read, so that the loop over rows sees one kind of slice.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::DataType;

use super::option::nulls;
use super::{Cell, RowError};

macro_rules! primitive_cell {
    ($native:ty, $arrow:ty, $wants:literal, widens [$($narrow:ty),*]) => {
        impl Cell for $native {
            const WANTS: &'static str = $wants;
            type View<'a> = &'a [$native];

            fn data_type() -> DataType {
                <$arrow>::DATA_TYPE
            }

            fn accepts(found: &DataType) -> bool {
                [<$arrow>::DATA_TYPE $(, <$narrow>::DATA_TYPE)*].contains(found)
            }

            fn adapt(_column: &str, array: &ArrayRef) -> Result<ArrayRef, RowError> {
                $(if let Some(narrow) = array.as_primitive_opt::<$narrow>() {
                    return Ok(Arc::new(narrow.unary::<_, $arrow>(<$native>::from)));
                })*
                Ok(array.clone())
            }

            #[inline]
            fn view(array: &ArrayRef, rows: usize) -> &[$native] {
                &array.as_primitive::<$arrow>().values()[..rows]
            }

            #[inline]
            fn get(view: &&[$native], row: usize) -> $native {
                view[row]
            }

            fn write<'a>(
                _column: &str,
                cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
            ) -> Result<ArrayRef, RowError> {
                let values: Vec<$native> = cells.clone().map(|cell| cell.copied().unwrap_or_default()).collect();
                Ok(Arc::new(PrimitiveArray::<$arrow>::new(values.into(), nulls(cells))))
            }
        }
    };
}

primitive_cell!(i8, Int8Type, "Int8", widens []);
primitive_cell!(i16, Int16Type, "Int16 or a narrower integer", widens [Int8Type, UInt8Type]);
primitive_cell!(i32, Int32Type, "Int32 or a narrower integer", widens [Int8Type, Int16Type, UInt8Type, UInt16Type]);
primitive_cell!(i64, Int64Type, "Int64 or a narrower integer",
    widens [Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type]);
primitive_cell!(u8, UInt8Type, "UInt8", widens []);
primitive_cell!(u16, UInt16Type, "UInt16 or UInt8", widens[UInt8Type]);
primitive_cell!(u32, UInt32Type, "UInt32 or a narrower unsigned integer", widens [UInt8Type, UInt16Type]);
primitive_cell!(u64, UInt64Type, "UInt64 or a narrower unsigned integer", widens [UInt8Type, UInt16Type, UInt32Type]);
primitive_cell!(f32, Float32Type, "Float32", widens []);
primitive_cell!(f64, Float64Type, "Float64 or Float32", widens[Float32Type]);
