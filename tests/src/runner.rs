//! The runners behind one face, each with a bound on its time.

use purlin::Failure;
use purlin::graph::Graph;
use purlin::prelude::*;

use crate::{PATIENCE, within};

/// A runner and how many workers it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// The oracle.
    Reference,
    /// Batch.
    Batch(usize),
    /// Batch, spilling at every opportunity.
    Spilling(usize),
    /// Stream.
    Stream(usize),
}

impl Runner {
    /// Each kind, with different numbers of workers.
    pub const ALL: [Runner; 7] = [
        Runner::Reference,
        Runner::Batch(1),
        Runner::Batch(2),
        Runner::Spilling(2),
        Runner::Stream(1),
        Runner::Stream(2),
        Runner::Stream(8),
    ];

    /// Runs a graph to its end.
    pub fn run(self, graph: &Graph) -> Result<(), Failure> {
        let graph = graph.clone();
        within(&format!("{self:?}"), PATIENCE, move || match self {
            Runner::Reference => ReferenceRunner::new().run(&graph),
            Runner::Batch(workers) => BatchRunner::new().parallelism(workers).run(&graph),
            Runner::Spilling(workers) => BatchRunner::new().parallelism(workers).memory_limit(Some(1)).run(&graph),
            Runner::Stream(workers) => StreamRunner::new().parallelism(workers).run(&graph),
        })
    }
}
