//! State that is taken over is the state that was: whatever is interrupted when, and by however many shards it is taken over, goes on as if
//! nothing had been (SEMANTICS §12, law 4).

mod fleet;
mod groupings;
mod side_inputs;
mod sizes;
mod stateful;
mod versions;

use proptest::prelude::*;
use purlin_model::bundle::ElementSides;

/// What is done behind a step of a script.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Nothing,
    Snapshot,
    /// The shards are replaced by so many others.
    Replace(usize),
}

/// Where and when an element stands that is in one window.
fn place(ElementSides { timestamp, windows, pane }: ElementSides) -> String {
    let window = windows.single().expect("it is in one window");
    format!(
        "in {window} at {timestamp}, {:?} {} {} {} {}",
        pane.timing, pane.index, pane.nonspeculative_index, pane.first, pane.last
    )
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let cut = prop_oneof![
        3 => Just(Cut::Nothing),
        1 => Just(Cut::Snapshot),
        1 => (1..5_usize).prop_map(Cut::Replace),
    ];
    prop::collection::vec(cut, 40)
}
