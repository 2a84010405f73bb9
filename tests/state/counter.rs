//! A `DoFn` that counts, in one cell.

use purlin::prelude::*;
use purlin::state::Value;

/// Emits for each element its value and how many of its key have come before it in its window.
#[derive(Clone)]
pub(crate) struct Count;

impl StatefulDoFn<u8, String> for Count {
    type State = Value<u64>;
    type Out = Output<String>;

    fn process(
        &mut self,
        key: &u8,
        value: String,
        count: &mut Value<u64>,
        _: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let count = count.get_or_insert_with(|| 0);
        out.emit(format!("{key}: {value} after {count}"));
        *count += 1;
        Ok(())
    }
}

/// The same, in the order of time.
#[derive(Clone)]
pub(crate) struct CountSorted;

impl StatefulDoFn<u8, String> for CountSorted {
    type State = Value<u64>;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        key: &u8,
        value: String,
        count: &mut Value<u64>,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Count.process(key, value, count, cx, out)
    }
}
