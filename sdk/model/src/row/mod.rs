//! Rows: flat structs as Arrow columns, both ways.
//!
//! Columnar files and engines hand over a [`RecordBatch`]; a pipeline wants a struct per element. [`Row`] is the
//! bridge, and `#[derive(Row)]` writes it: a field is a column, found by the field's name, and the field's type is a
//! [`Cell`]. Everything that can go wrong (a column that is not there, another type, a null, a value that does not
//! fit) is decided once per batch and column, so the loop over rows copies values and decides nothing.
//!
//! A [`Cell`] accepts what says the same in another encoding, and never guesses:
//!
//! | field | writes | also reads |
//! |---|---|---|
//! | `i8` … `i64`, `u8` … `u64` | `Int8` … `UInt64` | any integer type whose every value fits |
//! | `f32`, `f64` | `Float32`, `Float64` | `Float32` into `f64` |
//! | `bool` | `Boolean` | |
//! | [`Timestamp`](crate::Timestamp) | `Timestamp(ms)` | any unit and time zone, if every value is a whole millisecond |
//! | `String`, [`CompactString`](crate::CompactString), `Arc<str>` | `Utf8` | `LargeUtf8`, `Utf8View`, dictionaries of these |
//! | `Vec<u8>`, `Arc<[u8]>` | `Binary` | `LargeBinary`, `BinaryView`, dictionaries of these; `FixedSizeBinary` |
//! | `Option` of these | the same, nullable | the same, with nulls |
//!
//! Nested columns (lists, structs, maps) are not rows' business: a row is flat.

mod blob;
mod boolean;
mod cell;
mod column;
#[doc(hidden)]
pub mod derive_support;
mod error;
mod option;
mod primitive;
mod shared;
#[cfg(test)]
mod tests;
mod text;
mod timestamp;

pub use cell::Cell;
pub use column::{field, read_column, write_column};
pub use error::RowError;
/// The Arrow crates whose types stand in the signatures here, in the version they were built with.
pub use {arrow_array, arrow_schema};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};

/// A flat struct as a row of Arrow columns, both ways. Usually derived.
///
/// # Laws
///
/// - What [`write_batch`](Row::write_batch) makes of some rows, [`read_batch`](Row::read_batch) reads as the same rows.
/// - A batch of [`schema`](Row::schema) is read; columns beyond it and their order do not matter.
/// - A read that fails leaves `out` as it was.
///
/// # Example
///
/// By hand, which is in essence what `#[derive(Row)]` writes:
///
/// ```
/// use std::sync::Arc;
/// use purlin_model::row::arrow_array::RecordBatch;
/// use purlin_model::row::arrow_schema::{Schema, SchemaRef};
/// use purlin_model::row::{Cell, Row, RowError, field, read_column, write_column};
///
/// #[derive(Debug, PartialEq)]
/// struct Click {
///     user: i64,
///     page: Arc<str>,
/// }
///
/// impl Row for Click {
///     fn schema() -> SchemaRef {
///         Arc::new(Schema::new(vec![field::<i64>("user"), field::<Arc<str>>("page")]))
///     }
///
///     fn read_batch(batch: &RecordBatch, out: &mut Vec<Self>) -> Result<(), RowError> {
///         let rows = batch.num_rows();
///         let (user, page) = (read_column::<i64>(batch, "user")?, read_column::<Arc<str>>(batch, "page")?);
///         let (user, page) = (i64::view(&user, rows), <Arc<str>>::view(&page, rows));
///         out.extend((0..rows).map(|row| Click { user: i64::get(&user, row), page: <Arc<str>>::get(&page, row) }));
///         Ok(())
///     }
///
///     fn write_batch(rows: &[Self]) -> Result<RecordBatch, RowError> {
///         let user = write_column("user", rows.iter().map(|row| &row.user))?;
///         let page = write_column("page", rows.iter().map(|row| &row.page))?;
///         Ok(RecordBatch::try_new(Self::schema(), vec![user, page])?)
///     }
/// }
///
/// let clicks = [Click { user: 1, page: "/".into() }, Click { user: 2, page: "/cart".into() }];
/// let mut read = Vec::new();
/// Click::read_batch(&Click::write_batch(&clicks)?, &mut read)?;
/// assert_eq!(read, clicks);
/// # Ok::<(), RowError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Row`",
    label = "not a row of Arrow columns",
    note = "put `#[derive(Row)]` on the struct: its fields become the columns"
)]
pub trait Row: Sized {
    /// The columns by name, type and nullability, in field order.
    fn schema() -> SchemaRef;

    /// Appends the rows of `batch` to `out`.
    ///
    /// Columns are found by name. Types and nulls are checked once per column; then rows are put together from the
    /// columns' values with no check for a field that is not an `Option`.
    ///
    /// # Errors
    ///
    /// If a column is missing or there twice, has a type that its field does not read, holds a null and its field is
    /// not an `Option`, or holds a value that its field cannot.
    fn read_batch(batch: &RecordBatch, out: &mut Vec<Self>) -> Result<(), RowError>;

    /// The rows as one batch of [`schema`](Row::schema).
    ///
    /// # Errors
    ///
    /// If a column of text or bytes passes the 2 GiB that one batch can hold of it.
    fn write_batch(rows: &[Self]) -> Result<RecordBatch, RowError>;

    /// Whether batches of `found` have what this row reads, before any data is there: for a file's schema.
    ///
    /// Nulls and values show only in the data, so [`read_batch`](Row::read_batch) can still fail on those.
    ///
    /// # Errors
    ///
    /// If a column is missing or there twice, or has a type that its field does not read.
    fn check_schema(found: &Schema) -> Result<(), RowError> {
        // One set of rules: a schema fits if its empty batch is read.
        let empty = RecordBatch::new_empty(SchemaRef::new(found.clone()));
        Self::read_batch(&empty, &mut Vec::new())
    }
}
