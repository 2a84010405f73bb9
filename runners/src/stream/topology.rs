//! Wiring: which tasks there are and which channels join them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use purlin_model::Failure;
use purlin_model::graph::{NodeId, Op};
use purlin_model::source::{AnySource, AnySplit, Boundedness, SplitRequest};
use tokio::sync::{mpsc, watch};

use super::call_task::CallTask;
use super::channel::{CHANNEL_BOUND, Receiver, Sender};
use super::checkpoint::{Part, Participant, Restored, TaskName};
use super::discovery::{LookOut, fresh};
use super::env::Env;
use super::inputs::Inputs;
use super::machine::{Parts, Port, StageMachine};
use super::outgoing::Outgoing;
use super::reader::ReaderTask;
use super::sinks::{Sinks, Staged};
use super::stage_task::StageTask;
use super::stop::StopHandle;
use crate::checkpoint::SplitState;
use crate::core::ViewState;
use crate::observe::Observer;
use crate::plan::{ExitKind, HeadKind, Plan, Stage, StageId};
use crate::user_code::guarded_async;

/// Everything that runs, wired and not yet started.
pub(super) struct Tasks {
    /// By stage, then by worker.
    pub(super) stages: Vec<StageTask>,
    pub(super) readers: Vec<ReaderTask>,
    /// In front of stages, on each worker.
    pub(super) calls: Vec<CallTask>,
    /// Where the elements of a script go in, by worker.
    pub(super) script: Vec<Sender>,
}

impl Tasks {
    /// As futures that give what they have staged for sinks.
    pub(super) fn into_futures(self) -> impl Iterator<Item = BoxFuture<'static, Result<Vec<Staged>, Failure>>> {
        let stages = self.stages.into_iter().map(|stage| stage.run().boxed());
        let readers = self.readers.into_iter().map(|reader| reader.run().map_ok(|()| Vec::new()).boxed());
        let calls = self.calls.into_iter().map(|calls| calls.run().map_ok(|()| Vec::new()).boxed());
        stages.chain(readers).chain(calls)
    }
}

/// What tasks are built from.
pub(super) struct Topology<'a> {
    pub(super) env: &'a dyn Env,
    pub(super) plan: &'a Plan,
    pub(super) parallelism: usize,
    pub(super) sinks: &'a Sinks,
    /// What the run goes on from.
    pub(super) restored: Option<&'a Restored>,
    /// Where tasks hear of checkpoints and give their parts, and the tasks that there are so far.
    pub(super) checkpoints: Option<(&'a watch::Sender<u64>, &'a mpsc::UnboundedSender<Part>, &'a Mutex<Vec<TaskName>>)>,
}

/// The ends of all channels, while the wiring is under way.
#[derive(Default)]
struct Wires {
    /// Into a stage on a worker.
    into: HashMap<(StageId, usize), Vec<(Port, Receiver)>>,
    /// Out of a stage's exit on a worker.
    out_of: HashMap<(StageId, usize, usize), Vec<Sender>>,
    /// Into and out of the calls in front of a stage's head on a worker.
    calls: Vec<((StageId, usize, usize), Receiver, Sender)>,
    /// How many senders each port has so far.
    counts: HashMap<(StageId, usize, PortKey), usize>,
    /// From readers.
    readers: HashMap<(NodeId, usize), Sender>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PortKey {
    Head(usize),
    View(usize),
}

impl Topology<'_> {
    /// Builds every task. Sources are asked for their splits and sinks for their writers: I/O, at launch.
    pub(super) async fn build(
        &self,
        env: Arc<dyn Env>,
        observer: Arc<Observer>,
        stop: StopHandle,
    ) -> Result<Tasks, Failure> {
        let mut wires = self.wire();
        let mut tasks = Tasks { stages: Vec::new(), readers: Vec::new(), calls: Vec::new(), script: Vec::new() };
        for stage in &self.plan.stages {
            for worker in 0..self.parallelism {
                tasks.stages.push(self.stage_task(stage, worker, &mut wires, &env, &observer, &stop).await?);
            }
        }
        for ((stage, head, worker), from, to) in wires.calls.drain(..) {
            let head = &self.plan.stages[stage.0].heads[head];
            let HeadKind::Calls { node, kernel } = &head.kind else {
                unreachable!("calls stand in front of their head")
            };
            let asked = self.plan.graph.node(*node).inputs[0];
            let coders = (self.plan.graph.collection(asked).coder.clone(), head.coder().clone());
            let calls = CallTask::new(head.name.clone(), stage, kernel.clone(), coders, from, to, env.clone());
            let mut calls = calls.with_participant(self.participant(&head.name, worker));
            for unfinished in
                self.restored.iter().flat_map(|restored| restored.take_calls(&head.name, worker, self.parallelism))
            {
                calls.restore(unfinished).await?;
            }
            tasks.calls.push(calls);
        }
        for stage in &self.plan.stages {
            for head in &stage.heads {
                let HeadKind::Read(node) = &head.kind else { continue };
                let Op::Read(source) = &self.plan.graph.node(*node).op else { continue };
                if source.script().is_some() {
                    tasks.script = (0..self.parallelism).map(|to| wires.readers[&(*node, to)].clone()).collect();
                    continue;
                }
                let splits = self.splits(&head.name, &**source).await?;
                let known: Vec<AnySplit> = splits.iter().map(|state| state.split.clone()).collect();
                let look_out =
                    || LookOut { transform: head.name.clone(), source: source.clone(), env: env.clone(), known };
                let mut discovery = (source.boundedness() == Boundedness::Unbounded).then(look_out);
                for (worker, splits) in dealt(splits, self.parallelism).into_iter().enumerate() {
                    tasks.readers.push(ReaderTask {
                        node: *node,
                        transform: head.name.clone(),
                        source: source.clone(),
                        coder: head.coder().clone(),
                        splits,
                        discovery: discovery.take(),
                        to: wires.readers[&(*node, worker)].clone(),
                        env: env.clone(),
                        observer: observer.clone(),
                        stop: stop.clone(),
                        participant: self.participant(&head.name, worker),
                    });
                }
            }
        }
        Ok(tasks)
    }

    /// A source's splits, where a snapshot has them where it left them.
    async fn splits(&self, transform: &str, source: &dyn AnySource) -> Result<Vec<SplitState>, Failure> {
        let failed = |cause| Failure::Source { transform: transform.to_string(), origin: None, cause };
        let Some(known) = self.restored.and_then(|restored| restored.splits.get(transform)) else {
            let request = SplitRequest { desired: self.parallelism, bounded: false };
            let splits = guarded_async(transform, None, source.splits(request)).await?.map_err(failed)?;
            return Ok(splits.into_iter().map(fresh).collect());
        };
        let mut splits = known.clone();
        if source.boundedness() == Boundedness::Unbounded {
            let known: Vec<AnySplit> = known.iter().map(|state| state.split.clone()).collect();
            let found = guarded_async(transform, None, source.discover(&known)).await?.map_err(failed)?;
            splits.extend(found.into_iter().map(fresh));
        }
        Ok(splits)
    }

    /// A new task's part in checkpoints, if there are any.
    fn participant(&self, work: &str, worker: usize) -> Option<Participant> {
        let (requests, parts, tasks) = self.checkpoints?;
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let task = tasks.len();
        tasks.push(TaskName::new(work, worker));
        Some(Participant::new(task, requests.subscribe(), parts.clone()))
    }

    /// Makes every channel.
    fn wire(&self) -> Wires {
        let mut wires = Wires::default();
        for stage in &self.plan.stages {
            for worker in 0..self.parallelism {
                for (number, head) in stage.heads.iter().enumerate() {
                    if let HeadKind::Read(node) = head.kind {
                        let sender = wires.connect(self.env, stage.id, worker, PortKey::Head(number));
                        wires.readers.insert((node, worker), sender);
                    }
                }
                for (number, exit) in stage.exits.iter().enumerate() {
                    let senders = self.wire_exit(&exit.kind, worker, &mut wires);
                    wires.out_of.insert((stage.id, worker, number), senders);
                }
            }
        }
        wires
    }

    fn wire_exit(&self, exit: &ExitKind, worker: usize, wires: &mut Wires) -> Vec<Sender> {
        let everyone = 0..self.parallelism;
        match exit {
            ExitKind::Write(_) => Vec::new(),
            ExitKind::View(view) => {
                let mut senders = Vec::new();
                for stage in &self.plan.stages {
                    let Some(number) = stage.views().iter().position(|looked_up| looked_up == view) else { continue };
                    let ports = everyone.clone();
                    senders.extend(ports.map(|to| wires.connect(self.env, stage.id, to, PortKey::View(number))));
                }
                senders
            }
            ExitKind::Calls(_) => {
                let (stage, head) = self.plan.taker(exit).expect("what is asked about is taken");
                let (to, from) = self.env.channel(CHANNEL_BOUND);
                let behind = wires.connect(self.env, stage, worker, PortKey::Head(head));
                wires.calls.push(((stage, head, worker), from, behind));
                vec![to]
            }
            ExitKind::Hand { .. } => {
                let (stage, head) = self.plan.taker(exit).expect("what is handed over is taken");
                vec![wires.connect(self.env, stage, worker, PortKey::Head(head))]
            }
            ExitKind::Shuffle { .. } | ExitKind::Spread(_) => {
                let (stage, head) = self.plan.taker(exit).expect("what is shuffled is taken");
                everyone.map(|to| wires.connect(self.env, stage, to, PortKey::Head(head))).collect()
            }
        }
    }

    async fn stage_task(
        &self,
        stage: &Arc<Stage>,
        worker: usize,
        wires: &mut Wires,
        env: &Arc<dyn Env>,
        observer: &Arc<Observer>,
        stop: &StopHandle,
    ) -> Result<StageTask, Failure> {
        let (ports, receivers) = wires.into.remove(&(stage.id, worker)).unwrap_or_default().into_iter().unzip();
        let mut writers = BTreeMap::new();
        let mut senders = Vec::new();
        for (number, exit) in stage.exits.iter().enumerate() {
            senders.push(wires.out_of.remove(&(stage.id, worker, number)).unwrap_or_default());
            if let ExitKind::Write(node) = exit.kind {
                writers.insert(number, self.sinks.open(node, worker).await?);
            }
        }
        let mut machine = StageMachine::new(Parts {
            stage: stage.clone(),
            worker,
            workers: self.parallelism,
            ports,
            views: stage.views().into_iter().map(|view| (view, self.empty_view(view))).collect(),
            outgoing: Outgoing::new(self.plan, stage, senders),
            lateness_ms: self.plan.graph.collections.iter().map(|each| each.windowing.lateness_ms()).max().unwrap_or(0),
        })?;
        let participant = self.participant(&stage.name, worker);
        if participant.is_some() {
            machine.track_changes();
        }
        if let Some(restored) = self.restored {
            machine.restore(restored)?;
        }
        Ok(StageTask {
            name: format!("{} [{worker}]", stage.name),
            worker,
            env: env.clone(),
            observer: observer.clone(),
            machine,
            inputs: Inputs::new(receivers),
            stop: stop.clone(),
            writers,
            participant,
            barrier: None,
        })
    }

    fn empty_view(&self, view: NodeId) -> ViewState {
        ViewState::new(&self.plan.graph, view).expect("steps look up views")
    }
}

impl Wires {
    fn connect(&mut self, env: &dyn Env, stage: StageId, worker: usize, key: PortKey) -> Sender {
        let sender = self.counts.entry((stage, worker, key)).or_default();
        let port = match key {
            PortKey::Head(head) => Port::Head { head, sender: *sender },
            PortKey::View(view) => Port::View { view, sender: *sender },
        };
        *sender += 1;
        let (to, from) = env.channel(CHANNEL_BOUND);
        self.into.entry((stage, worker)).or_default().push((port, from));
        to
    }
}

/// Splits dealt out to workers in turn.
fn dealt(splits: Vec<SplitState>, workers: usize) -> Vec<Vec<SplitState>> {
    let mut dealt = vec![Vec::new(); workers];
    for (number, split) in splits.into_iter().enumerate() {
        dealt[number % workers].push(split);
    }
    dealt
}
