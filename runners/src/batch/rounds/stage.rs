//! One stage, round after round: its shards, then its steps, on all workers.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::NodeId;
use purlin_model::window::Window;
use purlin_model::{BoxError, Failure, Timestamp};
use rayon::prelude::*;

use super::shard::{Shard, ViewChange};
use crate::batch::empty_views;
use crate::batch::exits::{Gathered, SHARDS, WorkerExits};
use crate::batch::stage::StageExecution;
use crate::core::{KeyedMachine, Now, StageRun};
use crate::plan::{Head, HeadKind};
use crate::user_code::guarded;

/// A stage on all workers.
pub(super) struct RunningStage<'a> {
    pub(super) execution: &'a StageExecution<'a>,
    pub(super) workers: Vec<Worker<'a>>,
    pub(super) heads: Vec<RunningHead>,
    /// What has come for views that are looked up here.
    views: BTreeMap<NodeId, ViewChange>,
    /// How far each exit has come.
    pub(super) exits: Vec<Timestamp>,
}

/// One worker's instance of a stage.
pub(super) struct Worker<'a> {
    pub(super) run: StageRun,
    pub(super) exits: WorkerExits<'a>,
}

/// A head, and how far it has come.
pub(super) struct RunningHead {
    /// What has come and was not processed yet, of a head that is not keyed.
    pub(super) arrived: Vec<Box<dyn AnyBundle>>,
    /// Of a keyed head.
    pub(super) shards: Vec<Shard>,
    pub(super) input_watermark: Timestamp,
    output_watermark: Timestamp,
}

impl<'a> RunningStage<'a> {
    pub(super) fn new(execution: &'a StageExecution<'a>) -> Result<Self, Failure> {
        let stage = execution.stage;
        let worker = |worker| {
            let run = StageRun::new(stage.clone(), empty_views(execution.plan))?;
            Ok(Worker { run, exits: WorkerExits::new(execution, worker)? })
        };
        let workers = (0..execution.runner.parallelism).map(worker).collect::<Result<_, Failure>>()?;
        let head = |head: &Head| {
            let mut shards = Vec::new();
            if let HeadKind::Keyed { work, windowing, views, .. } = &head.kind {
                for shard in 0..SHARDS {
                    let views = empty_views(execution.plan).into_iter().filter(|(view, _)| views.contains(view));
                    let (views, shard) = (views.collect(), (shard, SHARDS));
                    let made = guarded(&head.name, None, || KeyedMachine::new(work, windowing, views, shard))?;
                    let machine = made.map_err(|cause| failed(&head.name, cause))?;
                    shards.push(Shard::new(machine, head.new_bundles()));
                }
            }
            Ok(RunningHead {
                arrived: Vec::new(),
                shards,
                input_watermark: Timestamp::MIN,
                output_watermark: Timestamp::MIN,
            })
        };
        let heads = stage.heads.iter().map(head).collect::<Result<_, Failure>>()?;
        let exits = vec![Timestamp::MIN; stage.exits.len()];
        Ok(RunningStage { execution, workers, heads, views: BTreeMap::new(), exits })
    }

    /// Notes what has come for a view, if it is looked up here.
    pub(super) fn show(&mut self, node: NodeId, values: &[(Window, Arc<dyn Any + Send + Sync>)], watermark: Timestamp) {
        if self.execution.stage.views().contains(&node) {
            let change = self.views.entry(node).or_insert(ViewChange::NOTHING);
            change.values.extend_from_slice(values);
            change.watermark = change.watermark.max(watermark);
        }
    }

    /// All shards and workers take what has come, then the watermarks, then the time; then it goes through the steps.
    ///
    /// Between these the shards are evened out: a pane's timing looks at how far the whole transform's output has come.
    pub(super) fn round(&mut self, nows: &[Now]) -> Result<Vec<Gathered>, Failure> {
        let views = std::mem::take(&mut self.views);
        self.each_shard(|shard, head| shard.show(&views, nows[head]))?;
        self.each_shard(|shard, head| shard.process(nows[head]))?;
        self.each_shard(|shard, head| shard.advance(nows[head]))?;
        self.each_shard(|shard, head| shard.advance_processing_time(nows[head]))?;
        let count = self.workers.len();
        let mut work: Vec<Vec<Entering>> = (0..count).map(|_| Vec::new()).collect();
        for (number, head) in self.heads.iter_mut().enumerate() {
            let keyed = head.shards.iter_mut().map(|shard| shard.outs.iter_mut().map(|out| out.take()).collect());
            let others = head.arrived.drain(..).map(|bundle| vec![bundle]);
            for (piece, bundles) in keyed.chain(others).enumerate() {
                work[piece % count].push(Entering { head: number, bundles });
            }
        }
        let stage = &**self.execution.stage;
        let results: Mutex<Vec<Result<(), Failure>>> = Mutex::default();
        self.execution.pool.scope(|scope| {
            for (worker, work) in self.workers.iter_mut().zip(work) {
                let (views, results) = (&views, &results);
                let io = self.execution.io;
                scope.spawn(move |_| {
                    let _entered = io.enter();
                    let result = guarded(&stage.name, None, || worker.round(views, work));
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result.and_then(|result| result));
                });
            }
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect::<Result<(), _>>()?;
        self.note_watermarks();
        Ok(self.workers.iter_mut().flat_map(|worker| worker.exits.take()).collect())
    }

    /// Does something with all shards of all heads, on all workers.
    fn each_shard(&mut self, work: impl Fn(&mut Shard, usize) -> Result<(), BoxError> + Sync) -> Result<(), Failure> {
        let stage = &**self.execution.stage;
        for (number, head) in self.heads.iter_mut().enumerate() {
            let name = &stage.heads[number].name;
            let watermark = head.input_watermark;
            self.execution.pool.install(|| {
                head.shards.par_iter_mut().try_for_each(|shard| {
                    shard.input_watermark = watermark;
                    guarded(name, None, || work(shard, number))?.map_err(|cause| failed(name, cause))
                })
            })?;
            let reached = head.shards.iter_mut().map(|shard| shard.machine.own_output_watermark()).min();
            if let Some(reached) = reached {
                head.shards.iter_mut().for_each(|shard| shard.machine.hold_output_back(reached));
            }
        }
        Ok(())
    }

    fn note_watermarks(&mut self) {
        for head in &mut self.heads {
            let machines = head.shards.iter().map(|shard| shard.machine.output_watermark());
            head.output_watermark = machines.min().unwrap_or(head.input_watermark);
        }
        let reached = self.heads.iter().map(|head| head.output_watermark).min().unwrap_or(Timestamp::MAX);
        let collections = self.execution.plan.graph.collections.iter();
        let lateness_ms = collections.map(|each| each.windowing.lateness_ms()).max().unwrap_or(0);
        self.workers.iter_mut().for_each(|worker| worker.run.forget_views_before(reached, lateness_ms));
        for (number, exit) in self.execution.stage.exits.iter().enumerate() {
            let heads = exit.heads.iter().map(|head| self.heads[*head].output_watermark);
            let holds = self.workers.iter().filter_map(|worker| worker.run.hold(number));
            let reached = heads.chain(holds).min().unwrap_or(Timestamp::MAX);
            self.exits[number] = self.exits[number].max(reached);
        }
    }
}

/// What enters at a head: a bundle for each of its collections.
struct Entering {
    head: usize,
    bundles: Vec<Box<dyn AnyBundle>>,
}

impl Worker<'_> {
    fn round(&mut self, views: &BTreeMap<NodeId, ViewChange>, work: Vec<Entering>) -> Result<(), Failure> {
        let Worker { run, exits } = self;
        run.set_origin(None);
        run.start_bundle()?;
        for (node, change) in views {
            run.update_view(*node, |view| change.apply(view), exits)?;
        }
        for Entering { head, mut bundles } in work {
            run.enter_all(head, &mut bundles, exits)?;
        }
        run.finish_bundle(exits)
    }
}

pub(super) fn failed(transform: &str, cause: BoxError) -> Failure {
    Failure::Transform { transform: transform.to_string(), origin: None, cause }
}
