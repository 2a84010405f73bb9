//! Kernels: the inner loops that need a transform's types.
//!
//! A graph node carries its kernels behind object-safe traits, each called once per bundle. A kernel knows types
//! and nothing else: no threads, no clock, no watermark. When it is called, with what, and where its output goes is the
//! runner's business. So typed loops are compiled in the user's crate, and semantics are written once in the runners.
//!
//! - [`Operator`]: element-wise work on a bundle.
//! - [`Grouping`]: what a grouping by key needs, in the three shapes that runners drive: [`GroupStore`] (cells
//!   under a trigger machine), [`WindowTable`] (whole windows at once) and [`Aggregator`] (a bounded input, in parallel).
//! - [`JoinKernel`]: what a join needs whose one side is held in memory.
//! - [`AsyncKernel`]: calls that wait, many at a time; the runner polls.
//! - [`StatefulKernel`]: what a `DoFn` with state and timers needs; the runner keeps the clocks.

mod accumulated;
mod aggregator;
mod asynchronous;
mod bits;
mod by_set;
mod chunks;
mod entries;
mod folding;
mod grouping;
mod groups;
mod hash;
mod held;
mod join;
mod lift;
mod merging_aggregator;
mod merging_groups;
mod operator;
mod partition;
mod queues;
mod set_numbers;
mod shares;
mod slices;
mod sliding_groups;
mod slots;
mod state_book;
mod state_forms;
mod stateful;
mod stateful_run;
mod store;
mod table;
mod tracking;
mod window_numbers;

#[cfg(test)]
mod bulk_tests;

pub use aggregator::{Aggregator, Groups, Partial};
pub use asynchronous::{AsyncKernel, AsyncRun, Sleep};
pub use grouping::{Form, Grouping, GroupingKernel};
pub use join::JoinKernel;
pub use lift::Lifted;
pub use operator::{Operator, OperatorFactory, SideInputs, ViewTable};
pub use stateful::{
    CellSpec, SlotId, StateChanges, StateClock, StatefulKernel, StatefulRun, StatefulSpec, TimeDomain, TimeToLive,
    TimerChange, TimerId, TimerSetting, TimerSpec,
};
pub use store::{CellId, GroupStore, KeyId};
pub use table::WindowTable;

pub(crate) use join::{HashJoin, Inner, Left, Pairing};
pub(crate) use operator::per_bundle;
pub(crate) use stateful_run::TypedStateful;

/// How many partitions grouped data is cut into: the key groups of a job, fixed for ever, for snapshots name them.
pub const KEY_GROUPS: usize = 256;
