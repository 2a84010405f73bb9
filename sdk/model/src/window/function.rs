//! `WindowFn`: the contract between a windowing and the engine.

use std::fmt;

use super::{Window, WindowSet, WindowSpec};
use crate::Timestamp;
use crate::bundle::Column;

/// Gives each element's timestamp its windows.
///
/// Laws: the function is pure (same timestamp, same windows); [`assign`](WindowFn::assign),
/// [`assign_all`](WindowFn::assign_all) and [`assign_many`](WindowFn::assign_many) agree; a merge result covers the windows that it replaces.
///
/// A user's own function, here hours that start at half past:
///
/// ```
/// use purlin_model::{Timestamp, window::{Window, WindowFn, WindowSet}};
///
/// #[derive(Debug)]
/// struct HalfPast;
///
/// impl WindowFn for HalfPast {
///     fn name(&self) -> String { "half past".into() }
///     fn assign(&self, at: Timestamp) -> WindowSet {
///         let start = (at.millis() - 1_800_000).div_euclid(3_600_000) * 3_600_000 + 1_800_000;
///         Window::new(Timestamp::from_millis(start), Timestamp::from_millis(start + 3_600_000)).into()
///     }
/// }
///
/// let window = HalfPast.assign(Timestamp::from_millis(0)).first();
/// assert_eq!(window.end, Timestamp::from_millis(1_800_000));
/// ```
pub trait WindowFn: Send + Sync + fmt::Debug + 'static {
    /// The function with its parameters, for `--explain`, messages and the fingerprint. Two functions
    /// of one name are compatible: collections windowed by them may be flattened and joined.
    fn name(&self) -> String;

    /// Why no collection can be windowed by this function, if so: a zone that does not exist, sizes that contradict each other.
    /// It is refused with this message where it is given to one, at construction.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Whether timestamps alone do not tell the windows: then [`window_by`](crate::PCollection::window_by) is told by the elements, and
    /// neither `window` nor a side input takes the function.
    fn needs_element(&self) -> bool {
        false
    }

    /// The windows of `at`: one, or a run of equally spaced ones.
    fn assign(&self, at: Timestamp) -> WindowSet;

    /// The windows of many timestamps, to replace those in `windows`. The engine calls this once per bundle; functions that have
    /// a faster way than one by one may take it.
    fn assign_all(&self, timestamps: &[Timestamp], windows: &mut Column<WindowSet>) {
        windows.refill(timestamps.iter().map(|at| self.assign(*at)));
    }

    /// Any other set of windows. Return `true` after filling `into`, and [`assign`](WindowFn::assign) is not asked.
    fn assign_many(&self, at: Timestamp, into: &mut Vec<Window>) -> bool {
        let _ = (at, into);
        false
    }

    /// Whether windows of one key may grow together, as sessions do.
    fn is_merging(&self) -> bool {
        false
    }

    /// Whether [`merge`](WindowFn::merge) is [`Merged::overlapping`] and nothing else: then the engine may merge by itself, many windows
    /// in one go.
    fn merges_overlaps(&self) -> bool {
        false
    }

    /// Groups of `windows` (of one key, sorted by start) that become one window each. Windows not named stay as they are.
    fn merge(&self, windows: &[Window]) -> Vec<Merged> {
        let _ = windows;
        Vec::new()
    }

    /// The window of a side input for a main window whose last timestamp is `main_max` (SEMANTICS §9).
    fn side_window(&self, main_max: Timestamp) -> Window {
        self.assign(main_max).first()
    }

    /// This function with settings of its own: trigger, lateness, mode.
    fn with(self) -> WindowSpec
    where
        Self: Sized,
    {
        WindowSpec::of(self)
    }
}

/// Windows of one key that become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// What they become.
    pub result: Window,
    /// What is replaced; at least two, or one whose bounds change.
    pub parts: Vec<Window>,
}
