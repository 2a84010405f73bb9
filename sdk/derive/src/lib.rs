//! Derive macros of Purlin.
//!
//! - [`Row`](macro@Row). The work is in two steps, each a file: `input` reads the struct and refuses what
//!   cannot be a row, `expand` writes the `impl`.
//! - [`State`](macro@State), in the file `state`.

mod expand;
mod input;
mod state;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a flat struct a `Row`: a row of Arrow columns, one column for each field.
///
/// A field's type is a `Cell`: an integer of 8 to 64 bits, `f32`, `f64`, `bool`, `String`, `CompactString`, `Arc<str>`, `Vec<u8>`,
/// `Arc<[u8]>`, `Timestamp`, or an `Option` of one of these for a column with nulls. The table in the docs of the
/// module `row` says which Arrow types each reads.
///
/// ```
/// use std::sync::Arc;
/// use purlin_derive::Row;
/// use purlin_model::Timestamp;
/// use purlin_model::row::Row as _;
///
/// #[derive(Debug, PartialEq, Row)]
/// # #[row(crate = "purlin_model")]
/// struct Click {
///     user: u64,
///     #[row(rename = "URL")]
///     url: Arc<str>,
///     at: Timestamp,
///     referrer: Option<String>,
/// }
///
/// let clicks = [
///     Click { user: 7, url: "/".into(), at: Timestamp::from_millis(0), referrer: None },
///     Click { user: 9, url: "/cart".into(), at: Timestamp::from_millis(1), referrer: Some("/".into()) },
/// ];
/// let batch = Click::write_batch(&clicks)?;
/// assert_eq!(batch.schema().field(1).name(), "URL");
///
/// let mut read = Vec::new();
/// Click::read_batch(&batch, &mut read)?;
/// assert_eq!(read, clicks);
/// # Ok::<(), purlin_model::row::RowError>(())
/// ```
///
/// # Attributes
///
/// - `#[row(rename = "name")]` on a field: the name of its column, where that is not the field's own. Attributes of
///   other derives, such as serde's, have no effect here.
/// - `#[row(crate = "path")]` on the struct: where to find the crate with the module `row`, for crates that do not
///   depend on `purlin` itself or call it otherwise.
///
/// # What is refused
///
/// A row is a struct with named fields, of one type and with one column at least:
///
/// ```compile_fail
/// #[derive(purlin_derive::Row)]
/// #[row(crate = "purlin_model")]
/// struct Empty {}
/// ```
///
/// ```compile_fail
/// #[derive(purlin_derive::Row)]
/// #[row(crate = "purlin_model")]
/// struct Borrowed<'a> {
///     page: &'a str,
/// }
/// ```
///
/// and every field's type is a cell:
///
/// ```compile_fail,E0277
/// #[derive(purlin_derive::Row)]
/// #[row(crate = "purlin_model")]
/// struct Nested {
///     pages: Vec<String>,
/// }
/// ```
#[proc_macro_derive(Row, attributes(row))]
pub fn row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    input::Input::parse(&input)
        .map(|input| expand::expand(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a struct a `State`: what a stateful `DoFn` remembers for each key and window. Each field is a cell or a timer.
///
/// ```
/// use purlin_model::combine::Sum;
/// use purlin_model::state::{Bag, Combining, EventTimer, State, Value};
///
/// #[derive(State)]
/// # #[state(crate = "purlin_model")]
/// struct Cells {
///     last: Value<i64>,
///     recent: Bag<String>,
///     total: Combining<Sum, i64>,
///     flush: EventTimer,
/// }
/// ```
///
/// Fields' names are the names of the cells: snapshots find them by it. The struct may have generic parameters; their bounds stand on the
/// struct. `#[state(crate = "path")]` on it says where to find the crate with the module `state`, for crates that do not depend on `purlin`
/// itself or call it otherwise.
///
/// Anything else is no field of a state:
///
/// ```compile_fail,E0277
/// #[derive(purlin_derive::State)]
/// #[state(crate = "purlin_model")]
/// struct Cells {
///     last: Option<i64>,
/// }
/// ```
#[proc_macro_derive(State, attributes(state))]
pub fn state(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    state::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
