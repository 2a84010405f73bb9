//! The batch runner: bounded input, all cores, results published at the end.
//!
//! Stages run one after the other. In a stage, workers on a rayon pool take tasks (a source split, a partition of a
//! grouping, bundles of an earlier stage) from one queue; each worker has its own instance of the stage and of everything the
//! stage fills, so nothing is shared per element. A small tokio runtime does the I/O that waits: brokers, not local
//! files. Output stays under temporary names until the whole pipeline has succeeded.
//!
//! A bounded collection is read with the watermark at MIN until its end, then at MAX (SEMANTICS §11).

mod calls;
mod exits;
mod feed;
mod rounds;
mod sinks;
mod spill;
mod stage;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use purlin_model::Failure;
use purlin_model::graph::{Graph, NodeId};

use crate::core::ViewState;
use crate::observe::Observer;
use crate::plan::{Plan, PlanOptions};
use sinks::Sinks;
use stage::{Between, StageExecution};

/// Runs pipelines over bounded input. An unbounded source is read up to what is there at launch.
#[derive(Clone)]
pub struct BatchRunner {
    parallelism: usize,
    memory_limit: Option<usize>,
    observer: Arc<Observer>,
    cancel: Arc<AtomicBool>,
}

impl BatchRunner {
    /// A runner with one worker per core and no memory limit.
    pub fn new() -> Self {
        BatchRunner {
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            memory_limit: None,
            observer: Arc::new(Observer::default()),
            cancel: Arc::new(AtomicBool::new(false)),
        }
    }

    /// How many workers there are; at least one.
    pub fn parallelism(self, workers: usize) -> Self {
        BatchRunner { parallelism: workers.max(1), ..self }
    }

    /// About how many bytes of grouped data are held in memory before they are spilled to temporary files. Without a limit, joins hold
    /// their right side in memory and shuffle nothing; with one, they group both sides.
    pub fn memory_limit(self, bytes: Option<usize>) -> Self {
        BatchRunner { memory_limit: bytes, ..self }
    }

    /// Reports progress and counts to `observer`.
    pub fn observer(self, observer: Arc<Observer>) -> Self {
        BatchRunner { observer, ..self }
    }

    /// Setting this flag while the pipeline runs makes it stop and remove its temporary output.
    pub fn cancel_flag(self, cancel: Arc<AtomicBool>) -> Self {
        BatchRunner { cancel, ..self }
    }

    /// The plan that this runner would run.
    pub fn plan(&self, graph: Graph) -> Plan {
        // What is held cannot be spilled, and a script's rounds are no whole input.
        let hold_joined = self.memory_limit.is_none() && graph.script().is_none();
        Plan::new(graph, PlanOptions { lift: false, hold_joined, fused_calls: Some(calls::fused) })
    }

    /// Runs a pipeline to its end. After a failure no output is visible that a sink could hold back.
    pub fn run(&self, graph: &Graph) -> Result<(), Failure> {
        let plan = self.plan(graph.clone());
        let io = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("purlin-io")
            .enable_all()
            .build()
            .map_err(Failure::other)?;
        let sinks = Sinks::begin(&plan, &io)?;
        // Calls, which may be made and ended on any thread of the run, find tokio here.
        let entered = io.enter();
        let result = self.run_stages(&plan, &io, &sinks);
        drop(entered);
        let result = result.and_then(|()| sinks.publish(&io)).map(|()| plan.graph.metrics.commit());
        if result.is_err() {
            sinks.abort(&io);
        }
        io.shutdown_background();
        result
    }

    fn run_stages(&self, plan: &Plan, io: &tokio::runtime::Runtime, sinks: &Sinks) -> Result<(), Failure> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.parallelism)
            .thread_name(|worker| format!("purlin-batch-{worker}"))
            .build()
            .map_err(Failure::other)?;
        if let Some(script) = plan.graph.script() {
            return rounds::run(self, plan, script, io, &pool, sinks);
        }
        let mut between = Between::new(empty_views(plan));
        for stage in &plan.stages {
            self.observer.stage_begins(stage.id.0, plan.stages.len(), &stage.name);
            let execution = StageExecution {
                runner: self,
                plan,
                stage,
                io,
                pool: &pool,
                sinks,
                in_rounds: false,
                failed: AtomicBool::new(false),
            };
            execution.run(&mut between)?;
        }
        Ok(())
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

impl Default for BatchRunner {
    fn default() -> Self {
        BatchRunner::new()
    }
}

fn empty_views(plan: &Plan) -> HashMap<NodeId, ViewState> {
    plan.graph.node_ids().filter_map(|id| Some((id, ViewState::new(&plan.graph, id)?))).collect()
}
