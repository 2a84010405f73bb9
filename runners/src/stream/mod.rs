//! The streaming runner: every stage on every worker at once, watermarks instead of ends.
//!
//! A pipeline becomes a fixed set of tasks: per worker one *reader* for each source, and one *stage task* for each stage. They are
//! joined by bounded channels of messages: bundles, watermarks, idleness, the end. All behaviour is in
//! synchronous machines (`machine.rs`); tasks are thin shells that wait, call the machine, and carry out what it
//! asks for. Clock, spawning and channels come from one [`Env`], so that the same engine can run under a simulated one.
//!
//! Channels go only downstream and the graph has no cycles, so a task that waits for room waits for one that
//! can go on: back pressure cannot deadlock.

mod channel;
mod env;
mod inputs;
mod machine;
mod message;
mod outgoing;
mod reader;
mod script;
mod sinks;
mod stage_task;
mod stop;
mod topology;

pub use env::{Env, TokioEnv};
pub use stop::{StopHandle, StopMode};

use std::sync::Arc;

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use futures::stream::FuturesUnordered;
use purlin_model::Failure;
use purlin_model::graph::Graph;

use crate::observe::Observer;
use crate::plan::{Plan, PlanOptions};
use sinks::Sinks;
use topology::Topology;

/// Runs pipelines continuously. A pipeline whose sources all end, ends.
#[derive(Clone)]
pub struct StreamRunner {
    parallelism: usize,
    lifts: bool,
    observer: Arc<Observer>,
    stop: StopHandle,
}

impl StreamRunner {
    /// A runner with one worker per core.
    pub fn new() -> Self {
        StreamRunner {
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            lifts: true,
            observer: Arc::new(Observer::default()),
            stop: StopHandle::new(),
        }
    }

    /// How many workers there are; at least one. Keyed work is sharded over them.
    pub fn parallelism(self, workers: usize) -> Self {
        StreamRunner { parallelism: workers.max(1), ..self }
    }

    /// Whether combiners are lifted before the shuffle, where nothing can observe it; they are unless told otherwise.
    pub fn lifting(self, lifts: bool) -> Self {
        StreamRunner { lifts, ..self }
    }

    /// Reports rates, lag and watermarks to `observer`.
    pub fn observer(self, observer: Arc<Observer>) -> Self {
        StreamRunner { observer, ..self }
    }

    /// A handle that stops or drains the pipeline.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The plan that this runner would run.
    pub fn plan(&self, graph: Graph) -> Plan {
        Plan::new(graph, PlanOptions { lift: self.lifts })
    }

    /// Runs a pipeline until its sources end or it is stopped.
    pub fn run(&self, graph: &Graph) -> Result<(), Failure> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("purlin-stream")
            .enable_all()
            .build()
            .map_err(Failure::other)?;
        let env = Arc::new(TokioEnv::new(runtime.handle().clone()));
        let result = runtime.block_on(self.run_in(env, graph));
        runtime.shutdown_background();
        result
    }

    /// Runs a pipeline in a given environment.
    pub async fn run_in(&self, env: Arc<dyn Env>, graph: &Graph) -> Result<(), Failure> {
        let plan = self.plan(graph.clone());
        let sinks = Sinks::begin(&plan).await?;
        let result = match plan.graph.script() {
            Some((_, script)) => script::run(self, &plan, script, &sinks).await,
            None => self.run_tasks(env, &plan, &sinks).await,
        };
        let result = match result {
            Ok(staged) => sinks.publish(staged).await.map(|()| plan.graph.metrics.commit()),
            Err(failure) => Err(failure),
        };
        if result.is_err() {
            sinks.abort().await;
        }
        result
    }

    /// Spawns all tasks and waits for them; the first failure ends all others.
    async fn run_tasks(&self, env: Arc<dyn Env>, plan: &Plan, sinks: &Sinks) -> Result<Vec<sinks::Staged>, Failure> {
        let topology = Topology { env: &*env, plan, parallelism: self.parallelism, sinks };
        let tasks = topology.build(env.clone(), self.observer.clone(), self.stop.clone()).await?;
        let mut running = FuturesUnordered::new();
        let mut aborts = Vec::new();
        for work in tasks.into_futures() {
            let (handle, registration) = AbortHandle::new_pair();
            let (report, reported) = tokio::sync::oneshot::channel();
            let work = Abortable::new(work, registration);
            env.spawn(Box::pin(async move {
                // Nobody listens any more once another task has failed.
                let _ = report.send(work.await);
            }));
            aborts.push(handle);
            running.push(reported);
        }
        let mut staged = Vec::new();
        let mut failure = None;
        while let Some(reported) = running.next().await {
            match reported {
                Ok(Ok(Ok(part))) => staged.extend(part),
                Ok(Ok(Err(first))) => {
                    failure.get_or_insert(first);
                    aborts.iter().for_each(AbortHandle::abort);
                }
                Ok(Err(futures::future::Aborted)) => {}
                Err(_) => {
                    failure.get_or_insert(Failure::other("a task of the streaming engine ended without a word"));
                    aborts.iter().for_each(AbortHandle::abort);
                }
            }
        }
        failure.map_or(Ok(staged), Err)
    }
}

impl Default for StreamRunner {
    fn default() -> Self {
        StreamRunner::new()
    }
}
