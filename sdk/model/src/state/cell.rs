//! The contracts between state and the kernel that keeps it.

use super::{Lifetime, Setting, Settling};
use crate::kernel::{CellSpec, StatefulSpec};
use crate::{BoxError, Timestamp};

/// All that a [`StatefulDoFn`](crate::StatefulDoFn) remembers for one key in one window: a struct with `#[derive(State)]`, a
/// [`Cell`], or a tuple of cells.
///
/// `declare` and `visit` name the cells in one order, always the same.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no state",
    label = "not a state",
    note = "state is a struct with `#[derive(State)]` whose fields are cells and timers, a single cell such as `Value<i64>`, or a tuple of cells"
)]
pub trait State: Send + 'static {
    /// Says which cells and timers there are.
    fn declare(into: &mut StatefulSpec);
    /// As it is before anything was written.
    fn empty() -> Self;
    /// Shows each cell to `visit`, until it fails.
    fn visit<V: Visit>(&mut self, visit: &mut V) -> Result<(), BoxError>;
}

/// What is done to each cell of a state.
pub trait Visit {
    /// Does it to this one.
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError>;
}

/// One field of a state: a cell that holds data, or a timer.
///
/// As bytes a cell has two forms. The full one is all that it holds. The delta is what changed since the last one was taken: `decode` of
/// a full form and then `apply_delta` of every delta taken since, in order, gives what the cell holds. A cell keeps book of single changes
/// only after the first delta was taken, so that it costs nothing where nobody takes any.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a state cell nor a timer",
    label = "not a cell",
    note = "a field of a state is a `Value`, `Bag`, `Combining`, `MapCell`, `SetCell`, `MultimapCell`, `OrderedList`, a timer, a family of timers, or `WindowExpiration`"
)]
pub trait Cell: Default + Send + 'static {
    /// Whether it is a timer, or a family of them: then it stands in [`StatefulSpec::timers`].
    const IS_TIMER: bool = false;
    /// Whether it stores anything: then, unless it is a timer, it stands in [`StatefulSpec::cells`].
    const IS_STORED: bool = true;

    /// Adds its declaration.
    fn declare(name: &'static str, into: &mut StatefulSpec);
    /// Whether forgetting it would change nothing.
    fn is_empty(&self) -> bool;
    /// The user's code is going to see it at this time.
    #[inline]
    fn begin(&mut self, now: Now) {
        let _ = now;
    }
    /// Frees what has outlived its time to live at this time; whether anything has.
    fn sweep(&mut self, now: Now) -> bool {
        let _ = now;
        false
    }

    /// Appends the full form.
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// Takes a full form from the front of `from`, which replaces what the cell holds.
    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError>;
    /// Appends what has changed since this was last called; `false`, and nothing is appended, if nothing has.
    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError>;
    /// What it holds has been kept in its full form: the next delta is of what changes from now on.
    fn mark_saved(&mut self);
    /// Takes a delta from the front of `from` and makes its changes.
    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError>;

    /// Of a timer: marks it as fired, if it is set to this version.
    #[inline]
    fn fire(&mut self, member: u32, version: u64) -> Option<Setting> {
        let _ = (member, version);
        None
    }
    /// Of a timer: gives what is set, each setting with the number of its member.
    fn settings(&self, each: &mut dyn FnMut(u32, Setting)) {
        let _ = each;
    }
    /// Of a timer: makes what was asked of it so, and takes back the mark that it fired.
    #[inline]
    fn settle(&mut self, settling: &mut Settling<'_>) -> Result<(), BoxError> {
        let _ = settling;
        Ok(())
    }
}

/// The time by both clocks, as cells see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The time of the element or timer at hand.
    pub event: Timestamp,
    /// The clock on the wall, in milliseconds.
    pub processing_ms: i64,
}

impl<C: Cell> State for C {
    fn declare(into: &mut StatefulSpec) {
        C::declare("state", into);
    }

    fn empty() -> Self {
        C::default()
    }

    #[inline]
    fn visit<V: Visit>(&mut self, visit: &mut V) -> Result<(), BoxError> {
        visit.cell(self)
    }
}

/// Declares a cell that holds data of this kind.
pub(super) fn declare_cell<L: Lifetime>(name: &'static str, kind: String, into: &mut StatefulSpec) {
    // What expires is stored with the time of its writing: another form of bytes.
    let descriptor = if L::TIME_TO_LIVE.is_some() { kind + ", stamped" } else { kind };
    into.cells.push(CellSpec { name, descriptor, time_to_live: L::TIME_TO_LIVE });
}
