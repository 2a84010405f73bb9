//! The streaming runner: every stage on every worker at once, watermarks instead of ends.
//!
//! A pipeline becomes a fixed set of tasks: per worker one *reader* for each source, and one *stage task* for each stage. They are
//! joined by bounded channels of messages: bundles, watermarks, idleness, the end. All behaviour is in
//! synchronous machines (`machine.rs`); tasks are thin shells that wait, call the machine, and carry out what it
//! asks for. Clock, spawning and channels come from one [`Env`], so that the same engine can run under a simulated one.
//!
//! Channels go only downstream and the graph has no cycles, so a task that waits for room waits for one that
//! can go on: back pressure cannot deadlock.

mod attempt;
mod call_task;
mod channel;
mod checkpoint;
mod discovery;
mod env;
mod inputs;
mod machine;
mod message;
mod outgoing;
mod reader;
mod running;
mod script;
mod sinks;
mod stage_task;
mod stop;
mod topology;

#[cfg(feature = "simulation")]
pub(crate) use channel::{Receiver, Sender, bounded};
pub use checkpoint::{CheckpointSettings, Guarantee};
pub use env::{Env, TokioEnv};
pub use stop::{StopHandle, StopMode};

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use purlin_model::Failure;
use purlin_model::graph::{Graph, NodeId};
use purlin_model::sink::SinkRun;
use purlin_model::source::Script;

use crate::observe::Observer;
use crate::plan::{Plan, PlanOptions};
use attempt::Attempt;
use checkpoint::Interruption;
use running::RunningTasks;
use sinks::Sinks;
use topology::Topology;

/// Runs pipelines continuously. A pipeline whose sources all end, ends.
#[derive(Clone)]
pub struct StreamRunner {
    parallelism: usize,
    lifts: bool,
    observer: Arc<Observer>,
    stop: StopHandle,
    checkpoints: Option<CheckpointSettings>,
}

impl StreamRunner {
    /// A runner with one worker per core.
    pub fn new() -> Self {
        StreamRunner {
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            lifts: true,
            observer: Arc::new(Observer::default()),
            stop: StopHandle::new(),
            checkpoints: None,
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

    /// Makes checkpoints, and goes on from the last one if there is one. Without them a pipeline that fails begins anew.
    pub fn checkpoints(self, settings: CheckpointSettings) -> Self {
        StreamRunner { checkpoints: Some(settings), ..self }
    }

    /// A handle that stops or drains the pipeline.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The plan that this runner would run.
    pub fn plan(&self, graph: Graph) -> Plan {
        Plan::new(graph, PlanOptions { lift: self.lifts, ..PlanOptions::default() })
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
        match (&self.checkpoints, plan.graph.script()) {
            (Some(settings), None) => self.run_with_checkpoints(env, &plan, settings).await,
            (_, script) => self.run_once(env, &plan, script).await,
        }
    }

    /// Runs a pipeline whose output is published at its end.
    async fn run_once(
        &self,
        env: Arc<dyn Env>,
        plan: &Plan,
        script: Option<(NodeId, &dyn Script)>,
    ) -> Result<(), Failure> {
        let sinks = Sinks::begin(plan, &SinkRun::once("stream")).await?;
        let result = match script {
            Some((_, script)) => script::run(self, env, plan, script, &sinks).await,
            None => {
                let topology = Topology {
                    env: &*env,
                    plan,
                    parallelism: self.parallelism,
                    sinks: &sinks,
                    restored: None,
                    checkpoints: None,
                };
                let tasks = topology.build(env.clone(), self.observer.clone(), self.stop.clone()).await;
                match tasks {
                    Ok(tasks) => RunningTasks::start(&*env, tasks).outcome().await,
                    Err(failure) => Err(failure),
                }
            }
        };
        let result = match result {
            Ok(staged) => sinks.publish(staged).await.map(|()| plan.graph.metrics.commit()),
            Err(failure) => Err(failure),
        };
        if result.is_err() {
            sinks.discard().await;
        }
        result
    }

    /// Runs a pipeline from its last checkpoint, again and again while what fails is around it and not in it.
    async fn run_with_checkpoints(
        &self,
        env: Arc<dyn Env>,
        plan: &Plan,
        settings: &CheckpointSettings,
    ) -> Result<(), Failure> {
        let mut failed_in_a_row = 0;
        let mut has_started = false;
        let incarnation = AtomicU64::new(0);
        loop {
            let attempt = Attempt::new(self, env.clone(), plan, settings, &incarnation);
            let (result, has_committed) = attempt.run().await;
            let Err(interruption) = result else { return Ok(()) };
            has_started |= attempt.has_started();
            failed_in_a_row = if has_committed { 1 } else { failed_in_a_row + 1 };
            // At launch whoever launches wants to know; a job that was at work goes on trying.
            let may_go_on = has_started && failed_in_a_row <= settings.recoveries && self.stop.mode().is_none();
            let (failure, goes_on) = match interruption {
                Interruption::Passing(failure) => (failure, may_go_on),
                Interruption::Final(failure) => (failure, false),
            };
            if goes_on {
                let most = settings.recoveries;
                tracing::warn!("{failure}; going on from the last checkpoint (recovery {failed_in_a_row} of {most})");
                env.sleep(pause_before(failed_in_a_row)).await;
            }
            // Whatever it stumbled over: if the job was started again elsewhere, that is why, and it must not take over again.
            if is_around(&failure)
                && let Some(by) = attempt.superseded_by().await
            {
                tracing::debug!("before it was seen that the job runs elsewhere: {failure}");
                return Err(Failure::Superseded { job: settings.job.clone(), by });
            }
            if !goes_on {
                return Err(failure);
            }
            self.observer.recovered();
        }
    }
}

/// Whether a failure is of what is around the job, and not of its pipeline or its options.
fn is_around(failure: &Failure) -> bool {
    matches!(failure, Failure::Sink { .. } | Failure::Source { .. } | Failure::Other(_))
}

/// The wait before a recovery: from 100 ms, doubled each time, up to 10 s.
fn pause_before(recovery: u32) -> Duration {
    Duration::from_millis(100 << recovery.saturating_sub(1).min(7)).min(Duration::from_secs(10))
}

impl Default for StreamRunner {
    fn default() -> Self {
        StreamRunner::new()
    }
}
