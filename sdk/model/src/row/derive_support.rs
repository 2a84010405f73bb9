//! What the code of `#[derive(Row)]` names, in one place, so that a user's crate depends on nothing but ours.

pub use arrow_array::RecordBatch;
pub use arrow_schema::{Schema, SchemaRef};

pub use super::{Cell, Row, RowError, field, read_column, write_column};

/// Appends `row(0)`, `row(1)` and so on, `rows` of them.
///
/// `Vec::extend` says the same, but where the compiler does not inline it, it cannot see that `rows` is the length of
/// every view that `row` captures, and checks each access against its bounds: half the speed for rows of numbers.
#[inline(always)]
pub fn extend<R>(out: &mut Vec<R>, rows: usize, row: impl Fn(usize) -> R) {
    out.reserve(rows);
    for (n, slot) in out.spare_capacity_mut()[..rows].iter_mut().enumerate() {
        slot.write(row(n));
    }
    // SAFETY: the loop has written the `rows` slots that follow the old length. If `row` panics, the length stays.
    unsafe { out.set_len(out.len() + rows) };
}
