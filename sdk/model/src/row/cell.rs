//! `Cell`: what the type of a row's field must do to be a column.
//!
//! Reading goes in three steps, so that each question is asked as seldom as it can be: [`accepts`](Cell::accepts)
//! looks at the type, [`adapt`](Cell::adapt) turns a column of another accepted type into the usual one and checks its
//! values, [`view`](Cell::view) takes the array's buffers out. After that [`get`](Cell::get) cannot fail.

use arrow_array::ArrayRef;
use arrow_schema::DataType;

use super::RowError;

/// A type that a field of a [`Row`](super::Row) can have.
///
/// A type of your own is a cell if it stands for one that already is:
///
/// ```
/// use purlin_model::row::arrow_array::ArrayRef;
/// use purlin_model::row::arrow_schema::DataType;
/// use purlin_model::row::{Cell, RowError};
///
/// #[derive(Debug, PartialEq)]
/// struct UserId(u64);
///
/// impl Cell for UserId {
///     const WANTS: &'static str = u64::WANTS;
///     type View<'a> = <u64 as Cell>::View<'a>;
///
///     fn data_type() -> DataType {
///         u64::data_type()
///     }
///     fn accepts(found: &DataType) -> bool {
///         u64::accepts(found)
///     }
///     fn adapt(column: &str, array: &ArrayRef) -> Result<ArrayRef, RowError> {
///         u64::adapt(column, array)
///     }
///     fn view(array: &ArrayRef, rows: usize) -> Self::View<'_> {
///         u64::view(array, rows)
///     }
///     fn get(view: &Self::View<'_>, row: usize) -> Self {
///         UserId(u64::get(view, row))
///     }
///     fn write<'a>(
///         column: &str,
///         cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
///     ) -> Result<ArrayRef, RowError> {
///         u64::write(column, cells.map(|cell| cell.map(|id| &id.0)))
///     }
/// }
///
/// let ids = [UserId(7), UserId(9)];
/// let array = UserId::write("user", ids.iter().map(Some))?;
/// assert_eq!(UserId::get(&UserId::view(&array, 2), 1), UserId(9));
/// # Ok::<(), RowError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of a `Row`",
    label = "not a type that a row's field can have",
    note = "a field is an integer of 8 to 64 bits, f32, f64, bool, String, CompactString, Arc<str>, Vec<u8>, Arc<[u8]>, Timestamp, or an Option of one of these",
    note = "a type that stands for one of these can implement `Cell` by handing on to it"
)]
pub trait Cell: Sized {
    /// The accepted types in words, for errors: "the field wants …".
    const WANTS: &'static str;

    /// Whether the column may hold nulls. Only `Option` says yes.
    const NULLABLE: bool = false;

    /// A column made ready for [`get`](Cell::get): a slice where there is one.
    type View<'a>;

    /// The Arrow type that [`write`](Cell::write) makes.
    fn data_type() -> DataType;

    /// Whether a column of type `found` can be read.
    fn accepts(found: &DataType) -> bool {
        *found == Self::data_type()
    }

    /// The array as [`view`](Cell::view) takes it: of the same length, with the same nulls.
    ///
    /// `array` is of an accepted type. What its null slots hold is not looked at.
    ///
    /// # Errors
    ///
    /// If a value is not one of this type; `column` names the column in the error.
    fn adapt(column: &str, array: &ArrayRef) -> Result<ArrayRef, RowError> {
        let _ = column;
        Ok(array.clone())
    }

    /// Looks into an adapted array, whose length is `rows`.
    ///
    /// The length comes along so that views are cut to it where the compiler sees it: then a loop over `0..rows` has
    /// no bounds checks left.
    fn view(array: &ArrayRef, rows: usize) -> Self::View<'_>;

    /// The value of one row, which is not null.
    ///
    /// # Panics
    ///
    /// May panic if `row` is outside the view.
    fn get(view: &Self::View<'_>, row: usize) -> Self;

    /// The values as an array of [`data_type`](Cell::data_type); `None` is a null.
    ///
    /// # Errors
    ///
    /// If they do not fit into one array; `column` names the column in the error.
    fn write<'a>(
        column: &str,
        cells: impl ExactSizeIterator<Item = Option<&'a Self>> + Clone,
    ) -> Result<ArrayRef, RowError>
    where
        Self: 'a;
}
