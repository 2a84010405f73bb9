//! One column of a batch: found by name, checked, and ready to be read; or written.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};

use super::{Cell, RowError};

/// The schema's entry for a field of type `T`.
///
/// ```
/// use purlin_model::row::field;
/// assert!(!field::<i64>("user").is_nullable());
/// assert!(field::<Option<i64>>("user").is_nullable());
/// ```
pub fn field<T: Cell>(name: &str) -> Field {
    Field::new(name, T::data_type(), T::NULLABLE)
}

/// The column `name` of `batch`, ready for [`T::view`](Cell::view). See [`Row`](super::Row) for it at work.
///
/// # Errors
///
/// If the column is missing or there twice, has a type that `T` does not accept, holds a null and `T` is not an
/// `Option`, or holds a value that is not a `T`.
pub fn read_column<T: Cell>(batch: &RecordBatch, name: &str) -> Result<ArrayRef, RowError> {
    let schema = batch.schema_ref();
    let array = batch.column(find(schema, name, T::WANTS)?);
    if !T::accepts(array.data_type()) {
        return Err(RowError::WrongType {
            column: name.to_owned(),
            found: array.data_type().clone(),
            wants: T::WANTS,
            schema: schema.clone(),
        });
    }
    if !T::NULLABLE
        && let Some(row) = first_null(array)
    {
        return Err(RowError::Null { column: name.to_owned(), row });
    }
    let adapted = T::adapt(name, array)?;
    assert_eq!(adapted.len(), batch.num_rows(), "Cell::adapt changed the length of column `{name}`");
    Ok(adapted)
}

/// The cells as the column `name` of type [`T::data_type`](Cell::data_type).
///
/// # Errors
///
/// If they do not fit into one array.
pub fn write_column<'a, T: Cell + 'a>(
    name: &str,
    cells: impl ExactSizeIterator<Item = &'a T> + Clone,
) -> Result<ArrayRef, RowError> {
    T::write(name, cells.map(Some))
}

/// The position of the one column that is called `name`.
fn find(schema: &std::sync::Arc<Schema>, name: &str, wants: &'static str) -> Result<usize, RowError> {
    let mut places = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (None, _) => Err(RowError::MissingColumn { column: name.to_owned(), wants, schema: schema.clone() }),
        (Some(_), Some(_)) => Err(RowError::AmbiguousColumn { column: name.to_owned(), schema: schema.clone() }),
    }
}

/// The first row that is null; a dictionary's nulls may stand with its keys or with its values.
fn first_null(array: &ArrayRef) -> Option<usize> {
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0)?;
    nulls.iter().position(|valid| !valid)
}
