//! `bool`: one bit a row.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;

use super::option::nulls;
use super::{Cell, RowError};

impl Cell for bool {
    const WANTS: &'static str = "Boolean";
    type View<'a> = &'a BooleanBuffer;

    fn data_type() -> DataType {
        DataType::Boolean
    }

    #[inline]
    fn view(array: &ArrayRef, _rows: usize) -> &BooleanBuffer {
        array.as_boolean().values()
    }

    #[inline]
    fn get(view: &&BooleanBuffer, row: usize) -> bool {
        view.value(row)
    }

    fn write<'a>(
        _column: &str,
        cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
    ) -> Result<ArrayRef, RowError> {
        let values: Vec<bool> = cells.clone().map(|cell| cell.copied().unwrap_or_default()).collect();
        Ok(Arc::new(BooleanArray::new(values.into(), nulls(cells))))
    }
}
