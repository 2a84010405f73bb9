//! The kernel of a stateful transform: keys, values and cells of known types, called with what a runner has decided (SEMANTICS §8).
//!
//! The typed side owns the cells of each (key, window) and the user's `DoFn`. The runner's machine owns time: it drops what is late,
//! opens and expires windows, keeps timers in order and holds the watermark. Between them goes only what is named here:
//! elements and due timers in, outputs and [`TimerChange`]s out.

use crate::bundle::AnyBundle;
use crate::kernel::SideInputs;
use crate::snapshot::{StateEntry, StateLog};
use crate::window::Window;
use crate::{BoxError, DropCause, Timestamp};

/// Which clock a timer goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeDomain {
    /// The input watermark: the timer fires when it has passed the timer's time.
    EventTime,
    /// The clock on the wall.
    ProcessingTime,
}

/// A timer as it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerSpec {
    /// The name of its field.
    pub name: &'static str,
    /// What it goes by.
    pub domain: TimeDomain,
    /// Of a family, many timers told apart by tags: the tags' type.
    pub tags: Option<&'static str>,
}

/// A state cell as it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellSpec {
    /// The name of its field: by it snapshots find the cell.
    pub name: &'static str,
    /// What kind of cell it is and what it holds, as text that is equal for equal types: a retyped cell is refused by it.
    pub descriptor: String,
    /// How long it lives after its last write.
    pub time_to_live: Option<TimeToLive>,
}

/// How long a cell lives after its last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeToLive {
    /// The clock that it goes by.
    pub domain: TimeDomain,
    /// The span in milliseconds.
    pub span_ms: i64,
}

/// All that a stateful transform declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatefulSpec {
    /// Its cells.
    pub cells: Vec<CellSpec>,
    /// Its timers; a timer is named by its place here.
    pub timers: Vec<TimerSpec>,
    /// It is told when a window expires: that holds the output watermark at the window's last timestamp.
    pub on_window_expiration: bool,
    /// Its input is sorted by time first.
    pub time_sorted_input: bool,
    /// What its timers hold is work on elements that is not done: the input is not past it, nor at its end.
    pub holds_input: bool,
    /// The transform's last output, behind those of the `DoFn`, takes the elements that are dropped.
    pub late_output: bool,
}

/// The cells of one (key, window), by number, as long as the window lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

/// One timer: of which (key, window), which declaration, which member of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    /// The (key, window).
    pub slot: SlotId,
    /// The place in [`StatefulSpec::timers`].
    pub timer: u16,
    /// The tag within a family, by number; 0 for a single timer.
    pub member: u32,
}

/// What a timer is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerSetting {
    /// When it fires: once its clock is beyond this time, in milliseconds.
    pub at_ms: i64,
    /// Counts settings, so that a setting that was overwritten is told from its successor. Grows with each setting of a run.
    pub version: u64,
    /// What it holds the output watermark at, if anything.
    pub hold: Option<Timestamp>,
}

/// A timer was set, overwritten or cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerChange {
    /// The timer.
    pub id: TimerId,
    /// What it was set to.
    pub before: Option<TimerSetting>,
    /// What it is set to now.
    pub after: Option<TimerSetting>,
}

/// The clocks as the user's code sees them.
#[derive(Clone, Copy, Debug)]
pub struct StateClock {
    /// The input watermark.
    pub input_watermark: Timestamp,
    /// The output watermark.
    pub output_watermark: Timestamp,
    /// The processing time, in milliseconds.
    pub now_ms: i64,
    /// The allowed lateness of the input's windowing, in milliseconds.
    pub lateness_ms: i64,
    /// An end is wanted: in batch, and when a stream is drained. No time passes any more.
    pub ending: bool,
}

/// What a call gives beside its outputs.
#[derive(Debug, Default)]
pub struct StateChanges {
    /// Timers that changed, in the order in which they did.
    pub timers: Vec<TimerChange>,
    /// Windows that hold cells now and did not before.
    pub opened: Vec<Window>,
}

/// The typed side of [`Op::Stateful`](crate::graph::Op::Stateful).
pub trait StatefulKernel: Send + Sync {
    /// What the transform declares.
    fn spec(&self) -> &StatefulSpec;
    /// The type of the keys.
    fn key_type(&self) -> &'static str;
    /// Moves each element to the output of the shard that owns its key, as [`Grouping::partition`](super::Grouping::partition) does.
    fn partition(&self, bundle: &mut dyn AnyBundle, shards: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError>;
    /// Appends the encoding of element `i`'s key.
    fn encode_key(&self, bundle: &dyn AnyBundle, i: usize, into: &mut Vec<u8>) -> Result<(), BoxError>;
    /// Takes all elements out of `bundle` and appends them to `dropped`, a bundle of [`Dropped`](crate::Dropped).
    fn drop_into(&self, bundle: &mut dyn AnyBundle, cause: DropCause, dropped: &mut dyn AnyBundle);
    /// A new instance of the `DoFn`, with no cells.
    fn run(&self) -> Box<dyn StatefulRun>;
}

/// One instance of a stateful `DoFn` with the cells of its keys, used by one thread at a time.
///
/// `outputs` has one bundle for each output of the `DoFn`. After an error the instance is discarded.
pub trait StatefulRun: Send {
    /// Before the first bundle.
    fn setup(&mut self) -> Result<(), BoxError>;
    /// Before the elements and timers of a bundle.
    fn start_bundle(&mut self) -> Result<(), BoxError>;
    /// Takes the elements out of `input`, each of which lies in exactly one window that has not expired, and processes each in turn.
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        clock: StateClock,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
        changes: &mut StateChanges,
    ) -> Result<(), BoxError>;
    /// Fires a timer, which is then no longer set. `false`, and nothing happens, unless it is set to `version`.
    fn fire(
        &mut self,
        timer: TimerId,
        version: u64,
        clock: StateClock,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
        changes: &mut StateChanges,
    ) -> Result<bool, BoxError>;
    /// The window has expired. Calls `on_window_expiration`, where that is declared, for about `budget` of its keys; once that is done for all,
    /// forgets its cells and says `true`. Timers that were still set are cleared (and stand in `changes`).
    fn expire(
        &mut self,
        window: Window,
        budget: usize,
        clock: StateClock,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
        changes: &mut StateChanges,
    ) -> Result<bool, BoxError>;
    /// Looks at the next `budget` of the (key, window)s and clears cells whose time to live is over; `true` once it has been through all of
    /// them. Called now and then, not at every advance; what is over is never seen in any case.
    fn sweep(&mut self, budget: usize, clock: StateClock) -> Result<bool, BoxError>;
    /// After the elements and timers of a bundle; may emit.
    fn finish_bundle(&mut self, outputs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError>;
    /// After the last bundle.
    fn teardown(&mut self) -> Result<(), BoxError>;
    /// How many (key, window) have cells.
    fn len(&self) -> usize;
    /// Whether none has.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// From now on it keeps book of what changes; called before anything does.
    fn track_changes(&mut self);
    /// Appends what has changed since the last snapshot. No window is half expired.
    fn snapshot(&mut self, log: &mut StateLog) -> Result<(), BoxError>;
    /// Takes over what snapshots hold, before the first bundle. `numbers` says of each cell and, behind these, each timer of the run
    /// that wrote them which number it has among those of this one. What was set and opened stands in `changes`.
    fn restore(
        &mut self,
        entries: Vec<StateEntry>,
        numbers: &[usize],
        changes: &mut StateChanges,
    ) -> Result<(), BoxError>;
    /// Writes all cells as bytes and takes them back, changing nothing: finds cells whose types do not survive that.
    fn round_trip(&mut self) -> Result<(), BoxError>;
}
