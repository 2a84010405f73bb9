//! The reference runner: what a pipeline means, executed as plainly as it can be said. Slow; the oracle for the others.
//!
//! It shares nothing with the engine of the other runners but the model. Each node is evaluated once, in topological order, over
//! its complete inputs; every element of every collection goes through its coder and back; user code gets bundles of one element;
//! groupings run a [`machine`] that keeps every element and looks at every window. Nothing is lifted, fused, spilled or parallel.

// Sources and sinks may need tokio's context, and these features bring it.
#![cfg(any(feature = "batch", feature = "stream"))]

mod element;
mod evaluate;
mod group;
pub mod machine;
mod sinks;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use purlin_model::Failure;
use purlin_model::graph::Graph;

use self::evaluate::Evaluation;
use self::sinks::Sinks;

/// Runs a pipeline to its end, on one thread.
///
/// A source that never ends is asked for what is there now (`SplitRequest::bounded`).
///
/// ```
/// use purlin_model::Pipeline;
/// use purlin_runners::reference::ReferenceRunner;
///
/// let pipeline = Pipeline::new();
/// let seen = pipeline.counter("seen");
/// let counted = seen.clone();
/// pipeline.create("numbers", [1, 2, 3]).map("count", move |n| {
///     counted.increment();
///     n
/// });
/// ReferenceRunner::new().run(&pipeline.graph()?)?;
/// assert_eq!(seen.value(), 3);
/// # Ok::<(), purlin_model::Failure>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ReferenceRunner {}

/// What a run tells beside its output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The groupings that dropped elements, by name.
    pub dropped: BTreeMap<String, Dropped>,
}

/// How many (element, window) pairs a grouping has dropped, by cause (SEMANTICS §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Their window had expired.
    pub late: u64,
    /// The trigger of their window had finished.
    pub closed: u64,
}

impl ReferenceRunner {
    /// The runner; it has no settings.
    pub fn new() -> Self {
        ReferenceRunner {}
    }

    /// Runs `graph`. Sinks publish once everything has succeeded, and are aborted otherwise.
    pub fn run(&self, graph: &Graph) -> Result<(), Failure> {
        self.run_and_report(graph).map(|_| ())
    }

    /// Runs `graph` and says what was dropped.
    pub fn run_and_report(&self, graph: &Graph) -> Result<Report, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::other)?;
        let mut sinks = Sinks::new(&runtime);
        let outcome = sinks
            .begin(graph)
            .and_then(|()| Evaluation::run(graph, &runtime, &mut sinks))
            .and_then(|report| sinks.publish().map(|()| report));
        if outcome.is_err() {
            sinks.abort();
        }
        outcome
    }
}
