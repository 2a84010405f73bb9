//! What a node does.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::bundle::AnyBundle;
use crate::kernel::{AsyncKernel, Grouping, OperatorFactory, StatefulKernel};
use crate::sink::AnySink;
use crate::source::AnySource;
use crate::window::Window;

/// The operation of a node, with the kernels that know its types.
#[derive(Clone)]
pub enum Op {
    /// Makes a collection from a source.
    Read(Arc<dyn AnySource>),
    /// Hands a collection to a sink.
    Write(Arc<dyn AnySink>),
    /// Anything element-wise: map, filter, flat_map, a user's `DoFn`.
    ParDo(Arc<dyn OperatorFactory>),
    /// Gives elements the windows of the output's windowing; `reassign` is false where only trigger, lateness or mode change.
    Window {
        /// Whether the window function is asked anew.
        reassign: bool,
    },
    /// Brings together what has one key, per window: group_by_key and combine_per_key. A second output takes what is dropped as late.
    Group(Arc<dyn Grouping>),
    /// Element-wise work by key, with state and timers. Its outputs are those of the `DoFn`; one more takes what is dropped as late.
    Stateful(Arc<dyn StatefulKernel>),
    /// Element-wise work that waits for somebody else, many elements at a time.
    Async(Arc<dyn AsyncKernel>),
    /// Several collections of one type as one.
    Flatten,
    /// Spreads elements evenly over the workers and breaks fusion.
    Reshuffle,
    /// Keeps the latest value per window for side-input look-ups.
    View(Arc<dyn ViewKernel>),
}

impl Op {
    /// The operation in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Read(_) => "read",
            Op::Write(_) => "write",
            Op::ParDo(_) => "par_do",
            Op::Window { .. } => "window",
            Op::Group(grouping) => grouping.kind(),
            Op::Stateful(_) => "stateful",
            Op::Async(_) => "async",
            Op::Flatten => "flatten",
            Op::Reshuffle => "reshuffle",
            Op::View(_) => "view",
        }
    }
}

/// The typed side of [`Op::View`].
pub trait ViewKernel: Send + Sync {
    /// Moves the elements out, each with its one window.
    fn values(&self, bundle: &mut dyn AnyBundle) -> Vec<(Window, Arc<dyn Any + Send + Sync>)>;
    /// What was taken out of all bundles, as one value per window. Where several are of one window the latest counts, unless the kernel puts
    /// them together; then all there are come at once.
    fn gather(&self, values: Vec<(Window, Arc<dyn Any + Send + Sync>)>) -> Vec<(Window, Arc<dyn Any + Send + Sync>)> {
        values
    }
    /// Copies of values as elements, each in its window: what [`values`](Self::values) takes.
    fn to_bundle(&self, values: &HashMap<Window, Arc<dyn Any + Send + Sync>>) -> Box<dyn AnyBundle>;
    /// What a window without an element looks up; `None` where that is an error.
    fn default_value(&self) -> Option<Arc<dyn Any + Send + Sync>>;
}
