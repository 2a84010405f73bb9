//! State and timers of a [`StatefulDoFn`](crate::StatefulDoFn): what it remembers per key and window (SEMANTICS §8).
//!
//! State is one struct for each (key, window). Its fields are cells ([`Value`], [`Bag`], [`Combining`], [`MapCell`], [`SetCell`], …) and
//! timers ([`EventTimer`], [`ProcessingTimer`] and their families); `#[derive(State)]` says so. The struct itself is what is stored: reading a cell is
//! reading a field.
//!
//! ```
//! use purlin_model::combine::Sum;
//! use purlin_model::state::{Combining, EventTimer, State, Value, WindowExpiration};
//!
//! #[derive(State)]
//! # #[state(crate = "purlin_model")]
//! struct Cells {
//!     last: Value<i64>,
//!     total: Combining<Sum, i64>,
//!     flush: EventTimer,
//!     end: WindowExpiration, // `on_window_expiration` is called
//! }
//! ```
//!
//! Where a name says little, a single cell or a tuple of them is a state too: `type State = Value<i64>`, or
//! `type State = (Value<i64>, EventTimer)`.
//!
//! Cells go with their window, and when they are cleared. One in a large window that must go earlier has a time to live: see [`Expires`].
//! A cell or timer that was not declared has no name by which it could be used:
//!
//! ```compile_fail,E0609
//! # use purlin_model::state::{State, Value};
//! #[derive(State)]
//! # #[state(crate = "purlin_model")]
//! struct Cells {
//!     last: Value<i64>,
//! }
//!
//! fn look(cells: &Cells) -> Option<&i64> {
//!     cells.previous.get()
//! }
//! ```

mod bag;
mod bytes;
mod cell;
mod combining;
mod expiration;
mod family;
mod lifetime;
mod map;
mod multimap;
mod ordered_list;
mod set;
mod settle;
mod timer;
mod tracked;
mod tuple;
mod value;

pub use bag::Bag;
pub use cell::{Cell, Now, State, Visit};
pub use combining::Combining;
pub use expiration::WindowExpiration;
pub use family::{EventTimerFamily, ProcessingTimerFamily, TimerFamily};
pub use lifetime::{Clock, DAY, EventTime, Expires, Forever, HOUR, Lifetime, MINUTE, ProcessingTime, SECOND};
pub use map::MapCell;
pub use multimap::MultimapCell;
pub use ordered_list::OrderedList;
pub use purlin_derive::State;
pub use set::SetCell;
pub(crate) use settle::Occasion;
pub use settle::Settling;
pub use timer::{EventTimer, OutputTime, ProcessingTimer, Setting, Timer};
pub use value::Value;

/// What `#[derive(State)]` writes refers to these.
#[doc(hidden)]
pub mod derive_support {
    pub use super::{Cell, State, Visit};
    pub use crate::BoxError;
    pub use crate::kernel::StatefulSpec;
}

#[cfg(test)]
mod tests;
