//! A pipeline that reads a script, run in rounds: one for each event (SEMANTICS §11).
//!
//! In a round the stages are gone through once, in topological order, each on all workers as in any other run. What differs is that
//! instances live on between rounds, and with them the machines of groupings and stateful transforms, for a watermark that moves
//! bit by bit can close no window early.

mod shard;
mod stage;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op};
use purlin_model::source::{AnySource, Boundedness, Progress, Script, ScriptEvent, SplitRequest};
use purlin_model::{BoxError, Failure, Timestamp};

use super::BatchRunner;
use super::exits::Gathered;
use super::sinks::Sinks;
use super::stage::StageExecution;
use crate::core::{Now, SynchronizedTime};
use crate::plan::{ExitKind, ExitOf, HeadKind, HeadOf, Plan, StageId};
use crate::user_code::{guarded, guarded_async};
use shard::Shard;
use stage::{RunningHead, RunningStage, Worker, failed};

/// Runs the pipeline of `plan`, which reads `script` at `reader`, to its end.
pub(super) fn run(
    runner: &BatchRunner,
    plan: &Plan,
    (reader, script): (NodeId, &dyn Script),
    io: &tokio::runtime::Runtime,
    pool: &rayon::ThreadPool,
    sinks: &Sinks,
) -> Result<(), Failure> {
    let execution = |stage| StageExecution {
        runner,
        plan,
        stage,
        io,
        pool,
        sinks,
        in_rounds: true,
        failed: AtomicBool::new(false),
    };
    let executions: Vec<StageExecution<'_>> = plan.stages.iter().map(execution).collect();
    let mut rounds = Rounds::new(plan, &executions)?;
    rounds.read_sources(reader)?;
    rounds.settle()?;
    for number in 0..=script.len() {
        match script.begin(number) {
            ScriptEvent::Elements(bundle) => rounds.take_in(reader, bundle),
            ScriptEvent::Watermark(to) => rounds.advance(reader, to),
            ScriptEvent::ProcessingTime(by_ms) => rounds.now_ms = rounds.now_ms.saturating_add(by_ms),
        }
        if number == script.len() {
            rounds.end_work();
        }
        rounds.settle()?;
    }
    rounds.end()
}

struct Rounds<'a> {
    plan: &'a Plan,
    stages: Vec<RunningStage<'a>>,
    feeds: BTreeMap<HeadOf, Vec<ExitOf>>,
    synchronized: SynchronizedTime,
    now_ms: i64,
}

impl<'a> Rounds<'a> {
    fn new(plan: &'a Plan, executions: &'a [StageExecution<'a>]) -> Result<Self, Failure> {
        let stages = executions.iter().map(RunningStage::new).collect::<Result<_, _>>()?;
        Ok(Rounds { plan, stages, feeds: plan.feeds(), synchronized: SynchronizedTime::new(plan), now_ms: 0 })
    }

    /// Sources beside the script are read to their ends first.
    fn read_sources(&mut self, script: NodeId) -> Result<(), Failure> {
        for id in self.plan.graph.node_ids().filter(|id| *id != script) {
            let node = self.plan.graph.node(id);
            let Op::Read(source) = &node.op else { continue };
            let bundles = self.read_all(&node.name, &**source, id)?;
            bundles.into_iter().for_each(|bundle| self.take_in(id, bundle));
            self.advance(id, Timestamp::MAX);
        }
        Ok(())
    }

    fn read_all(&self, name: &str, source: &dyn AnySource, id: NodeId) -> Result<Vec<Box<dyn AnyBundle>>, Failure> {
        let failed = |cause: BoxError| Failure::Source { transform: name.to_string(), origin: None, cause };
        if source.boundedness() == Boundedness::Unbounded {
            return Err(failed(
                "it never ends, and a test stream begins only when the sources beside it have ended: give it an end"
                    .into(),
            ));
        }
        let coder = &self.plan.graph.collection(self.plan.graph.node(id).outputs[0]).coder;
        let io = self.stages[0].execution.io;
        let mut bundles = Vec::new();
        let request = SplitRequest { desired: self.stages[0].workers.len(), bounded: true };
        for split in io.block_on(guarded_async(name, None, source.splits(request)))?.map_err(failed)? {
            let mut reader = io.block_on(guarded_async(name, None, source.open(split)))?.map_err(failed)?;
            let mut progress = Progress::More;
            while progress == Progress::More {
                let mut bundle = coder.new_bundle();
                progress = io.block_on(guarded_async(name, None, reader.read(&mut *bundle)))?.map_err(failed)?;
                bundles.push(bundle);
            }
        }
        Ok(bundles)
    }

    /// The head that reads this source.
    fn reader(&mut self, node: NodeId) -> &mut RunningHead {
        let reads = |kind: &HeadKind| matches!(kind, HeadKind::Read(read) if *read == node);
        let plan = self.plan;
        let found = plan
            .stages
            .iter()
            .find_map(|stage| Some((stage.id, stage.heads.iter().position(|head| reads(&head.kind))?)));
        let (stage, head) = found.expect("every read is a head of some stage");
        &mut self.stages[stage.0].heads[head]
    }

    fn take_in(&mut self, source: NodeId, bundle: Box<dyn AnyBundle>) {
        self.reader(source).arrived.push(bundle);
    }

    fn advance(&mut self, source: NodeId, to: Timestamp) {
        let head = self.reader(source);
        head.input_watermark = head.input_watermark.max(to);
    }

    /// Goes through the stages once: each is behind all that feed it.
    fn settle(&mut self) -> Result<(), Failure> {
        for stage in 0..self.stages.len() {
            for head in 0..self.stages[stage].heads.len() {
                let Some(exits) = self.feeds.get(&(StageId(stage), head)) else { continue };
                let reached = exits.iter().map(|(stage, exit)| self.stages[stage.0].exits[*exit]).min();
                let input = &mut self.stages[stage].heads[head].input_watermark;
                *input = reached.unwrap_or(Timestamp::MAX).max(*input);
            }
            self.settle_stage(stage)?;
        }
        Ok(())
    }

    fn settle_stage(&mut self, number: usize) -> Result<(), Failure> {
        let nows: Vec<Now> = (0..self.stages[number].heads.len())
            .map(|head| {
                let upstream = self.synchronized.upstream_pending_ms((StageId(number), head));
                Now { local_ms: self.now_ms, synchronized_ms: upstream.unwrap_or(self.now_ms).min(self.now_ms) }
            })
            .collect();
        let gathered = self.stages[number].round(&nows)?;
        for (head, running) in self.stages[number].heads.iter().enumerate() {
            let own = running.shards.iter().filter_map(|shard| shard.machine.earliest_pending_processing_time()).min();
            self.synchronized.note((StageId(number), head), own);
        }
        gathered.into_iter().for_each(|gathered| self.deliver(number, gathered));
        let plan = self.plan;
        for (exit, plan_exit) in plan.stages[number].exits.iter().enumerate() {
            if let ExitKind::View(node) = plan_exit.kind {
                let watermark = self.stages[number].exits[exit];
                self.stages[number + 1..].iter_mut().for_each(|stage| stage.show(node, &[], watermark));
            }
        }
        Ok(())
    }

    fn deliver(&mut self, from: usize, gathered: Gathered) {
        match gathered {
            Gathered::Sharded { node, shards } => {
                let plan = self.plan;
                let takes = |kind: &HeadKind| matches!(kind, HeadKind::Keyed { node: keyed, .. } if *keyed == node);
                let stage = plan.stages.iter().find(|stage| stage.heads.iter().any(|head| takes(&head.kind)));
                let stage = stage.expect("what is shuffled is taken");
                let head = stage.heads.iter().position(|head| takes(&head.kind)).unwrap_or_default();
                let running = &mut self.stages[stage.id.0].heads[head].shards;
                for (shard, bundle) in running.iter_mut().zip(shards).filter(|(_, bundle)| !bundle.is_empty()) {
                    shard.take_in(bundle);
                }
            }
            Gathered::Handed { stage, head, bundles } => {
                self.stages[stage].heads[head].arrived.extend(bundles);
            }
            Gathered::View { node, values } => {
                self.stages[from + 1..].iter_mut().for_each(|stage| stage.show(node, &values, Timestamp::MIN));
            }
            Gathered::Aggregated { .. } => unreachable!("in rounds every grouping has machines"),
        }
    }

    /// An end is wanted of work that has none.
    fn end_work(&mut self) {
        let heads = self.stages.iter_mut().flat_map(|stage| &mut stage.heads);
        heads.flat_map(|head| &mut head.shards).for_each(|shard| shard.machine.end());
    }

    fn end(self) -> Result<(), Failure> {
        for stage in self.stages {
            let runner = stage.execution.runner;
            for (head, plan_head) in stage.heads.into_iter().zip(&stage.execution.stage.heads) {
                for Shard { mut machine, .. } in head.shards {
                    let drops = machine.drops();
                    runner.observer.dropped(drops.late, drops.closed);
                    let name = &plan_head.name;
                    guarded(name, None, || machine.teardown())?.map_err(|cause| failed(name, cause))?;
                }
            }
            for Worker { run, exits } in stage.workers {
                run.teardown()?;
                exits.finish()?;
            }
        }
        Ok(())
    }
}
