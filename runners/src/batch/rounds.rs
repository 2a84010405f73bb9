//! A pipeline that reads a script, run in rounds: one for each event (SEMANTICS §11).
//!
//! In a round the stages are gone through once, in topological order, each on all workers as in any other run. What differs is that
//! instances live on between rounds, and with them the machines of groupings and stateful transforms, for a watermark that moves
//! bit by bit can close no window early.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op};
use purlin_model::source::{AnySource, Boundedness, Progress, Script, ScriptEvent, SplitRequest};
use purlin_model::window::Window;
use purlin_model::{BoxError, Failure, Timestamp};
use rayon::prelude::*;

use super::exits::{Gathered, SHARDS, WorkerExits};
use super::sinks::Sinks;
use super::stage::StageExecution;
use super::{BatchRunner, empty_views};
use crate::core::{KeyedMachine, Now, StageRun, SynchronizedTime, ViewState};
use crate::plan::{ExitKind, ExitOf, Head, HeadKind, HeadOf, Plan, StageId};
use crate::user_code::{guarded, guarded_async};

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
            ScriptEvent::ProcessingTime(by_ms) => rounds.now_ms += by_ms,
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

struct RunningStage<'a> {
    execution: &'a StageExecution<'a>,
    workers: Vec<Worker<'a>>,
    heads: Vec<RunningHead>,
    /// What has come for views that are looked up here.
    views: BTreeMap<NodeId, ViewChange>,
    /// How far each exit has come.
    exits: Vec<Timestamp>,
}

#[derive(Clone)]
struct ViewChange {
    values: Vec<(Window, Arc<dyn Any + Send + Sync>)>,
    watermark: Timestamp,
}

/// One worker's instance of a stage.
struct Worker<'a> {
    run: StageRun,
    exits: WorkerExits<'a>,
}

struct RunningHead {
    /// What has come and was not processed yet, of a head that is not keyed.
    arrived: Vec<Box<dyn AnyBundle>>,
    /// Of a keyed head.
    shards: Vec<Shard>,
    input_watermark: Timestamp,
    output_watermark: Timestamp,
}

struct Shard {
    machine: KeyedMachine,
    arrived: Option<Box<dyn AnyBundle>>,
    input_watermark: Timestamp,
    outs: Vec<Box<dyn AnyBundle>>,
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

impl<'a> RunningStage<'a> {
    fn new(execution: &'a StageExecution<'a>) -> Result<Self, Failure> {
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
                    let outs = head.new_bundles();
                    shards.push(Shard { machine, arrived: None, input_watermark: Timestamp::MIN, outs });
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
    fn show(&mut self, node: NodeId, values: &[(Window, Arc<dyn Any + Send + Sync>)], watermark: Timestamp) {
        if self.execution.stage.views().contains(&node) {
            let none = ViewChange { values: Vec::new(), watermark: Timestamp::MIN };
            let change = self.views.entry(node).or_insert(none);
            change.values.extend_from_slice(values);
            change.watermark = change.watermark.max(watermark);
        }
    }

    /// All shards and workers take what has come, then the watermarks, then the time; then it goes through the steps.
    ///
    /// Between these the shards are evened out: a pane's timing looks at how far the whole transform's output has come.
    fn round(&mut self, nows: &[Now]) -> Result<Vec<Gathered>, Failure> {
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
                scope.spawn(move |_| {
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
        for (node, ViewChange { values, watermark }) in views {
            run.update_view(*node, |view| change(view, values, *watermark), exits)?;
        }
        for Entering { head, mut bundles } in work {
            run.enter_all(head, &mut bundles, exits)?;
        }
        run.finish_bundle(exits)
    }
}

fn change(view: &mut ViewState, values: &[(Window, Arc<dyn Any + Send + Sync>)], watermark: Timestamp) {
    view.update(values.to_vec());
    view.advance(watermark);
}

impl Shard {
    fn show(&mut self, views: &BTreeMap<NodeId, ViewChange>, now: Now) -> Result<(), BoxError> {
        for (node, ViewChange { values, watermark }) in views {
            let Shard { machine, outs, .. } = self;
            machine.update_view(*node, |view| change(view, values, *watermark), now, outs)?;
        }
        Ok(())
    }

    fn process(&mut self, now: Now) -> Result<(), BoxError> {
        match self.arrived.take() {
            Some(mut bundle) => self.machine.process(&mut *bundle, now, &mut self.outs),
            None => Ok(()),
        }
    }

    fn advance(&mut self, now: Now) -> Result<(), BoxError> {
        while !self.machine.advance(self.input_watermark, now, usize::MAX, &mut self.outs)? {}
        Ok(())
    }

    fn advance_processing_time(&mut self, now: Now) -> Result<(), BoxError> {
        while !self.machine.advance_processing_time(now, usize::MAX, &mut self.outs)? {}
        Ok(())
    }

    /// What comes in one round comes as one bundle.
    fn take_in(&mut self, mut bundle: Box<dyn AnyBundle>) {
        match &mut self.arrived {
            Some(arrived) => arrived.append(&mut *bundle),
            None => self.arrived = Some(bundle),
        }
    }
}

fn failed(transform: &str, cause: BoxError) -> Failure {
    Failure::Transform { transform: transform.to_string(), origin: None, cause }
}
