//! Why a batch is not made of these rows, or rows not made into a batch.

use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use thiserror::Error;

/// Rows and columns do not fit. Every message names the column and says what would help.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RowError {
    /// No column has the name of a field.
    #[error(
        "there is no column `{column}`, which the row needs ({wants}); {}; \
         if it has another name, put #[row(rename = \"...\")] on the field",
        list(.schema)
    )]
    MissingColumn {
        /// The name looked for.
        column: String,
        /// The types that the field accepts, in words.
        wants: &'static str,
        /// What is there instead.
        schema: SchemaRef,
    },

    /// More than one column has the name of a field.
    #[error("more than one column is called `{column}`, so which to read is not known; {}", list(.schema))]
    AmbiguousColumn {
        /// The name looked for.
        column: String,
        /// All columns.
        schema: SchemaRef,
    },

    /// A column has a type that its field does not accept.
    #[error("column `{column}` is {found}, but the field wants {wants}; {}", list(.schema))]
    WrongType {
        /// The column.
        column: String,
        /// Its type.
        found: DataType,
        /// The types that the field accepts, in words.
        wants: &'static str,
        /// All columns.
        schema: SchemaRef,
    },

    /// A column holds a null and its field cannot.
    #[error("column `{column}` is null in row {row} of the batch: make the field Option<..>")]
    Null {
        /// The column.
        column: String,
        /// The first row with a null, from 0 in the batch.
        row: usize,
    },

    /// A column holds a value of an accepted type that its field cannot hold.
    #[error("column `{column}`, row {row} of the batch: {problem}")]
    Value {
        /// The column.
        column: String,
        /// The first row with such a value, from 0 in the batch.
        row: usize,
        /// The value, why it does not fit, and what to do.
        problem: String,
    },

    /// The text or bytes of a written column pass what one array holds.
    #[error(
        "column `{column}` of the {rows} rows has {bytes} bytes, and one batch holds at most {} of a column: \
         write fewer rows at a time",
        i32::MAX
    )]
    TooLarge {
        /// The column.
        column: String,
        /// How many rows were written.
        rows: usize,
        /// Their bytes in this column.
        bytes: usize,
    },

    /// The columns do not make a batch of the row's schema: a fault in a `Row` or `Cell` written by hand.
    #[error("the columns do not make a batch of the row's schema: {0}")]
    Arrow(#[from] ArrowError),
}

/// The columns that are there; of a very wide table the first ones.
fn list(schema: &Schema) -> String {
    const SHOWN_MAX: usize = 64;
    let fields = schema.fields();
    if fields.is_empty() {
        return "there are no columns at all".to_owned();
    }
    let names: Vec<String> =
        fields.iter().take(SHOWN_MAX).map(|field| format!("`{}` {}", field.name(), field.data_type())).collect();
    let rest = match fields.len().saturating_sub(SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the columns are {}{rest}", names.join(", "))
}
