//! The reference runner: what a pipeline means, executed as plainly as it can be said. Slow; the oracle for the others.
//!
//! It shares nothing with the engine of the other runners but the model. A pipeline is a sequence of `events`, each carried
//! through all nodes in topological order before the next begins; every element of every collection goes through its coder and back;
//! groupings run a [`machine`] that keeps every element and looks at every window. Nothing is lifted, fused, spilled or parallel.

// Sources and sinks may need tokio's context, and these features bring it.
#![cfg(any(feature = "batch", feature = "stream"))]

mod element;
mod events;
pub mod machine;
mod run;
mod sinks;
mod views;
mod work;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use purlin_model::graph::Graph;
use purlin_model::{DropCause, Failure};

use self::run::Run;
use self::sinks::Sinks;

/// Runs a pipeline to its end, on one thread.
///
/// A source that never ends is asked for what is there now (`SplitRequest::bounded`); a script is played.
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
    /// The groupings and stateful transforms that dropped elements, by name.
    pub dropped: BTreeMap<String, Dropped>,
}

/// How many (element, window) pairs a transform has dropped, by cause (SEMANTICS §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Their window had expired.
    pub late: u64,
    /// The trigger of their window had finished.
    pub closed: u64,
}

impl Dropped {
    fn count(&mut self, cause: DropCause) {
        match cause {
            DropCause::Late => self.late += 1,
            DropCause::Closed => self.closed += 1,
        }
    }
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
        let outcome = sinks.begin(graph).and_then(|()| Run::of(graph, &runtime, &mut sinks)).and_then(|report| {
            sinks.publish()?;
            graph.metrics.commit();
            Ok(report)
        });
        if outcome.is_err() {
            sinks.abort();
        }
        outcome
    }
}
