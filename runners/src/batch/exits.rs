//! What one worker's stage instance fills: shuffles, hand-overs, views, sinks.

use std::any::Any;
use std::sync::Arc;

use purlin_model::Failure;
use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op, ViewKernel};
use purlin_model::kernel::{Aggregator, Partial};
use purlin_model::window::{Window, Windowing};

use super::sinks::WorkerWriter;
use super::spill::{SpillFile, SpillSegment};
use super::stage::StageExecution;
use crate::core::Exits;
use crate::plan::{ExitKind, HeadKind, KeyedWork};
use crate::user_code::guarded;

/// Shards of work by key that a machine does: several per worker, so that uneven ones even out.
pub(super) const SHARDS: usize = 64;

/// One worker's exits.
pub(super) struct WorkerExits<'a> {
    execution: &'a StageExecution<'a>,
    worker: usize,
    exits: Vec<WorkerExit>,
}

/// What one exit has gathered.
pub(super) enum WorkerExit {
    /// For a grouping whose windows are emitted whole.
    Aggregated { node: NodeId, aggregator: Box<dyn Aggregator>, spill: SpillFile, limit: usize },
    /// For a grouping under a trigger machine, or a stateful transform.
    Sharded { node: NodeId, work: KeyedWork, shards: Vec<Box<dyn AnyBundle>> },
    /// For another stage.
    Handed { stage: usize, head: usize, bundles: Vec<Box<dyn AnyBundle>> },
    /// For look-ups.
    View { node: NodeId, kernel: Arc<dyn ViewKernel>, values: Vec<(Window, Arc<dyn Any + Send + Sync>)> },
    /// For a sink.
    Write { node: NodeId, writer: Option<WorkerWriter> },
}

/// What a worker leaves behind when the stage is done.
pub(super) enum Gathered {
    Aggregated { node: NodeId, partials: Vec<Box<dyn Partial>>, spilled: Vec<(usize, SpillSegment)> },
    Sharded { node: NodeId, shards: Vec<Box<dyn AnyBundle>> },
    Handed { stage: usize, head: usize, bundles: Vec<Box<dyn AnyBundle>> },
    View { node: NodeId, values: Vec<(Window, Arc<dyn Any + Send + Sync>)> },
}

impl<'a> WorkerExits<'a> {
    pub(super) fn new(execution: &'a StageExecution<'a>, worker: usize) -> Result<Self, Failure> {
        let plan = execution.plan;
        let limit = execution.spill_limit();
        let mut exits = Vec::new();
        for exit in &execution.stage.exits {
            exits.push(match &exit.kind {
                ExitKind::Shuffle { node, work } => match (work, whole(execution, *node)) {
                    (KeyedWork::Group { kernel, .. }, Some(windowing)) => {
                        let aggregator = kernel.aggregator(windowing.is_merging());
                        WorkerExit::Aggregated { node: *node, aggregator, spill: SpillFile::default(), limit }
                    }
                    _ => {
                        let shards = (0..SHARDS).map(|_| exit.coder.new_bundle()).collect();
                        WorkerExit::Sharded { node: *node, work: work.clone(), shards }
                    }
                },
                ExitKind::Spread(_) | ExitKind::Hand { .. } => {
                    let (stage, head) = plan.taker(&exit.kind).expect("what is handed over is taken");
                    WorkerExit::Handed { stage: stage.0, head, bundles: Vec::new() }
                }
                ExitKind::Calls(_) => unreachable!("in batch calls are fused"),
                ExitKind::View(node) => {
                    let Op::View(kernel) = &plan.graph.node(*node).op else { unreachable!("a view exit names a view") };
                    WorkerExit::View { node: *node, kernel: kernel.clone(), values: Vec::new() }
                }
                // The first worker always opens its writer, so that an empty result is written too.
                ExitKind::Write(node) => {
                    let open = || execution.sinks.open(*node, worker, execution.io.handle());
                    WorkerExit::Write { node: *node, writer: if worker == 0 { Some(open()?) } else { None } }
                }
            });
        }
        Ok(WorkerExits { execution, worker, exits })
    }

    /// Hands over what was gathered since the last call.
    pub(super) fn take(&mut self) -> Vec<Gathered> {
        let gathered = self.exits.iter_mut().filter_map(|exit| {
            Some(match exit {
                WorkerExit::Aggregated { node, aggregator, spill, .. } => Gathered::Aggregated {
                    node: *node,
                    partials: aggregator.take(),
                    spilled: std::mem::take(spill).into_segments(),
                },
                WorkerExit::Sharded { node, shards, .. } => {
                    let shards = shards.iter_mut().map(|shard| shard.take()).collect();
                    Gathered::Sharded { node: *node, shards }
                }
                WorkerExit::Handed { stage, head, bundles } => {
                    Gathered::Handed { stage: *stage, head: *head, bundles: std::mem::take(bundles) }
                }
                WorkerExit::View { node, values, .. } => Gathered::View { node: *node, values: std::mem::take(values) },
                WorkerExit::Write { .. } => return None,
            })
        });
        gathered.collect()
    }

    /// Hands over what was gathered; writers are closed.
    pub(super) fn finish(mut self) -> Result<Vec<Gathered>, Failure> {
        let gathered = self.take();
        for exit in self.exits {
            if let WorkerExit::Write { writer: Some(writer), .. } = exit {
                self.execution.sinks.close(writer, self.execution.io.handle())?;
            }
        }
        Ok(gathered)
    }
}

impl Exits for WorkerExits<'_> {
    fn emit(&mut self, exit: usize, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        if bundle.is_empty() {
            return Ok(());
        }
        match &mut self.exits[exit] {
            WorkerExit::Aggregated { node, aggregator, spill, limit } => {
                let name = &self.execution.plan.graph.node(*node).name;
                guarded(name, None, || aggregator.add(bundle))?;
                if aggregator.bytes() > *limit {
                    spill.write(aggregator.take())?;
                }
                Ok(())
            }
            WorkerExit::Sharded { node, work, shards } => {
                let name = &self.execution.plan.graph.node(*node).name;
                Ok(guarded(name, None, || work.partition(bundle, shards))??)
            }
            WorkerExit::Handed { bundles, .. } => {
                bundles.push(bundle.take());
                Ok(())
            }
            WorkerExit::View { kernel, values, .. } => {
                values.extend(kernel.values(bundle));
                Ok(())
            }
            WorkerExit::Write { node, writer } => {
                let execution = self.execution;
                execution.runner.observer.wrote(bundle.len());
                let writer = match writer {
                    Some(writer) => writer,
                    None => writer.insert(execution.sinks.open(*node, self.worker, execution.io.handle())?),
                };
                execution.sinks.write(writer, bundle, execution.io.handle())
            }
        }
    }
}

/// The windowing of a grouping whose windows are emitted whole in batch.
pub(super) fn whole<'a>(execution: &StageExecution<'a>, node: NodeId) -> Option<&'a Windowing> {
    if execution.in_rounds {
        return None;
    }
    execution.plan.stages.iter().flat_map(|stage| &stage.heads).find_map(|head| match &head.kind {
        HeadKind::Keyed { node: grouping, work: KeyedWork::Group { .. }, windowing, .. } => {
            (*grouping == node && windowing.fires_once_if_bounded()).then_some(windowing)
        }
        _ => None,
    })
}
