//! The runners behind one face, each with a bound on its time.

use std::fmt;

use crate::graph::Graph;
use crate::runners::{BatchRunner, ReferenceRunner, StreamRunner};
use crate::{Failure, testing};

/// A runner and how many workers it has.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::Runner;
///
/// let pipeline = Pipeline::new();
/// pipeline.create("numbers", [1, 2]).map("halve", |n| 1 / (n - 2));
/// for runner in Runner::ALL {
///     let failure = runner.run(&pipeline.graph()?).unwrap_err();
///     assert!(failure.to_string().contains("transform `halve` panicked"), "{runner}: {failure}");
/// }
/// # Ok::<(), Failure>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runner {
    /// The oracle: one thread, every element through its coder, no optimisation.
    Reference,
    /// Batch.
    Batch(usize),
    /// Batch, spilling grouped data at every opportunity.
    Spilling(usize),
    /// Stream.
    Stream(usize),
    /// Stream, its combiners never lifted before the shuffle.
    Unlifted(usize),
}

impl Runner {
    /// Each kind, with different numbers of workers.
    pub const ALL: [Runner; 8] = [
        Runner::Reference,
        Runner::Batch(1),
        Runner::Batch(2),
        Runner::Spilling(2),
        Runner::Stream(1),
        Runner::Stream(2),
        Runner::Stream(8),
        Runner::Unlifted(2),
    ];

    /// How many workers it has.
    pub fn workers(self) -> usize {
        match self {
            Runner::Reference => 1,
            Runner::Batch(workers) | Runner::Spilling(workers) => workers,
            Runner::Stream(workers) | Runner::Unlifted(workers) => workers,
        }
    }

    /// Runs a graph to its end.
    ///
    /// # Panics
    ///
    /// If there is no end after [`PATIENCE`](testing::PATIENCE): does the pipeline read a source that goes on?
    pub fn run(self, graph: &Graph) -> Result<(), Failure> {
        let graph = graph.clone();
        testing::within(&format!("a run on {self}"), testing::PATIENCE, move || match self {
            Runner::Reference => ReferenceRunner::new().run(&graph),
            Runner::Batch(workers) => BatchRunner::new().parallelism(workers).run(&graph),
            Runner::Spilling(workers) => BatchRunner::new().parallelism(workers).memory_limit(Some(1)).run(&graph),
            Runner::Stream(workers) => StreamRunner::new().parallelism(workers).run(&graph),
            Runner::Unlifted(workers) => StreamRunner::new().parallelism(workers).lifting(false).run(&graph),
        })
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, without) = match self {
            Runner::Reference => return f.write_str("the reference runner"),
            Runner::Batch(_) => ("batch", ""),
            Runner::Spilling(_) => ("batch", ", memory for nothing (all groupings spill)"),
            Runner::Stream(_) => ("stream", ""),
            Runner::Unlifted(_) => ("stream", ", combiners not lifted"),
        };
        let workers = self.workers();
        write!(f, "the {name} runner with {workers} worker{}{without}", if workers == 1 { "" } else { "s" })
    }
}
