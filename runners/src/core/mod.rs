//! The semantic core: what windows, watermarks, groupings and fused transforms do, written once for every runner.
//!
//! A runner owns threads, clocks and queues; it hands bundles and watermarks to the machines here and carries away what they give.
//!
//! Architecture invariant: nothing here reads a clock, does I/O or spawns anything.

mod assign;
mod event_timers;
mod holds;
mod keyed;
mod lookups;
mod snapshot;
mod sorted;
mod stage;
mod stateful;
mod synchronized;
pub mod trigger;
mod views;
mod watermark;
mod whole_windows;

pub use keyed::{Drops, KeyedMachine, Now};
pub use snapshot::{ElementsSnapshot, FORMAT, ShardSnapshot, StageSnapshot, StateType};
pub use stage::{Exits, StageRun};
pub use synchronized::SynchronizedTime;
pub use views::ViewState;
pub use watermark::{SplitStatus, SplitWatermarks};
pub use whole_windows::WholeWindows;
