//! `Option<T>`: the cell whose column may hold nulls.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::{Cell, RowError};

impl<T: Cell> Cell for Option<T> {
    const WANTS: &'static str = T::WANTS;
    const NULLABLE: bool = {
        assert!(!T::NULLABLE, "an Option in an Option cannot be a column: Arrow has one kind of null");
        true
    };
    /// No nulls at all, or which rows are not null.
    type View<'a> = (Option<NullBuffer>, T::View<'a>);

    fn data_type() -> DataType {
        T::data_type()
    }

    fn accepts(found: &DataType) -> bool {
        T::accepts(found)
    }

    fn adapt(column: &str, array: &ArrayRef) -> Result<ArrayRef, RowError> {
        T::adapt(column, array)
    }

    #[inline]
    fn view(array: &ArrayRef, rows: usize) -> Self::View<'_> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        (nulls, T::view(array, rows))
    }

    #[inline]
    fn get((nulls, view): &Self::View<'_>, row: usize) -> Self {
        nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then(|| T::get(view, row))
    }

    fn write<'a>(
        column: &str,
        cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
    ) -> Result<ArrayRef, RowError>
    where
        Self: 'a,
    {
        T::write(column, cells.map(|cell| cell.and_then(Option::as_ref)))
    }
}

/// Which cells are not null, or nothing if all are: a field that is no `Option` pays for no bitmap.
pub(super) fn nulls<T>(mut cells: impl Iterator<Item = Option<T>> + Clone) -> Option<NullBuffer> {
    let all = cells.clone();
    cells.any(|cell| cell.is_none()).then(|| all.map(|cell| cell.is_some()).collect::<Vec<bool>>().into())
}
