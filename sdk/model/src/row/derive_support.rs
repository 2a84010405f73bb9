//! What the code of `#[derive(Row)]` names, in one place, so that a user's crate depends on nothing but ours.

pub use arrow_array::RecordBatch;
pub use arrow_schema::{Schema, SchemaRef};

pub use super::{Cell, Row, RowError, field, read_column, write_column};
