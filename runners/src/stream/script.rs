//! A pipeline that reads a script, run event by event through the engine's own machines (SEMANTICS §11).
//!
//! No task runs by itself: after each event the stages are gone through once, in topological order, worker by worker. Each takes
//! everything that has come for it as one bundle per head, then the watermarks, then the time; so what the event makes is out before
//! the next begins. The clock is the script's.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, pending, try_join_all};
use purlin_model::bundle::AnyBundle;
use purlin_model::graph::Op;
use purlin_model::source::{Boundedness, Script, ScriptEvent};
use purlin_model::{Failure, Timestamp};

use super::StreamRunner;
use super::call_task::CallTask;
use super::channel::{self, Receiver, Sender};
use super::env::Env;
use super::machine::Event;
use super::message::Message;
use super::sinks::{Sinks, Staged};
use super::stage_task::StageTask;
use super::topology::{Tasks, Topology};
use crate::core::{Drops, SynchronizedTime};
use crate::plan::{Plan, StageId};

/// What one channel holds while a script is run: everything that one event makes, for nobody takes anything before it is all there.
const ROUND_BOUND: usize = 1 << 20;

/// Runs the pipeline of `plan`, which reads `script`, to its end.
pub(super) async fn run(
    runner: &StreamRunner,
    outside: Arc<dyn Env>,
    plan: &Plan,
    script: &dyn Script,
    sinks: &Sinks,
) -> Result<Vec<Staged>, Failure> {
    refuse_unbounded_beside(plan)?;
    let env = Arc::new(ScriptEnv { now_ms: AtomicI64::new(0), outside });
    let topology =
        Topology { env: &*env, plan, parallelism: runner.parallelism, sinks, restored: None, checkpoints: None };
    let Tasks { stages, readers, calls, script: entries } =
        topology.build(env.clone(), runner.observer.clone(), runner.stop.clone()).await?;
    let synchronized = SynchronizedTime::new(plan);
    let mut rounds = Rounds { stages, calls, workers: runner.parallelism, env, synchronized };

    try_join_all(readers.into_iter().map(|reader| reader.run())).await?;
    rounds.settle().await?;
    for number in 0..=script.len() {
        match script.begin(number) {
            ScriptEvent::Elements(bundle) => entries[0].send(Message::Data { bundle, origin: None }).await,
            ScriptEvent::Watermark(to) => tell_all(&entries, || Message::Watermark(to)).await,
            ScriptEvent::ProcessingTime(by_ms) => drop(rounds.env.now_ms.fetch_add(by_ms, Ordering::Relaxed)),
        }
        if number == script.len() {
            rounds.stages.iter_mut().for_each(|stage| stage.machine.end());
        }
        rounds.settle().await?;
    }
    tell_all(&entries, || Message::End).await;
    rounds.end().await
}

async fn tell_all(entries: &[Sender], message: impl Fn() -> Message) {
    for entry in entries {
        entry.send(message()).await;
    }
}

fn refuse_unbounded_beside(plan: &Plan) -> Result<(), Failure> {
    for node in &plan.graph.nodes {
        if let Op::Read(source) = &node.op
            && source.script().is_none()
            && source.boundedness() == Boundedness::Unbounded
        {
            let cause =
                "it never ends, and a test stream begins only when the sources beside it have ended: give it an end";
            return Err(Failure::Source { transform: node.name.clone(), origin: None, cause: cause.into() });
        }
    }
    Ok(())
}

/// The stages between two events.
struct Rounds {
    /// By stage, then by worker.
    stages: Vec<StageTask>,
    /// In front of stages.
    calls: Vec<CallTask>,
    workers: usize,
    env: Arc<ScriptEnv>,
    synchronized: SynchronizedTime,
}

impl Rounds {
    /// Goes through the stages once: each is behind all that feed it.
    async fn settle(&mut self) -> Result<(), Failure> {
        for stage in 0..self.stages.len() / self.workers {
            self.settle_stage(stage).await?;
        }
        Ok(())
    }

    async fn settle_stage(&mut self, stage: usize) -> Result<(), Failure> {
        self.settle_calls(StageId(stage)).await?;
        let workers = stage * self.workers..(stage + 1) * self.workers;
        let heads = 0..self.stages[workers.start].machine.heads();
        for task in &mut self.stages[workers.clone()] {
            for head in heads.clone() {
                let pending_ms = self.synchronized.upstream_pending_ms((StageId(stage), head));
                task.machine.set_upstream_pending(head, pending_ms);
            }
        }
        let mut later = Vec::new();
        for worker in workers.clone() {
            let (elements, others) = in_one_bundle_per_head(&mut self.stages[worker]);
            self.tell(worker, Event::Take(elements)).await?;
            later.push(others);
        }
        self.even_out(workers.clone());
        for (worker, others) in workers.clone().zip(later) {
            self.tell(worker, Event::Take(others)).await?;
            self.tell(worker, Event::AdvanceWatermarks).await?;
        }
        self.even_out(workers.clone());
        for worker in workers.clone() {
            self.tell(worker, Event::AdvanceProcessingTime).await?;
        }
        self.even_out(workers.clone());
        for worker in workers.clone() {
            self.tell(worker, Event::Idle).await?;
        }
        for head in heads {
            let own = self.stages[workers.clone()].iter().filter_map(|task| task.machine.pending_at(head)).min();
            self.synchronized.note((StageId(stage), head), own);
        }
        Ok(())
    }

    /// What has come for the calls in front of a stage is answered and handed on, the watermark behind it.
    async fn settle_calls(&mut self, stage: StageId) -> Result<(), Failure> {
        for calls in self.calls.iter_mut().filter(|calls| calls.stage() == stage) {
            calls.settle().await?;
        }
        Ok(())
    }

    async fn tell(&mut self, worker: usize, event: Event) -> Result<(), Failure> {
        let task = &mut self.stages[worker];
        let actions = task.machine.on(event, self.env.now_ms(), usize::MAX)?;
        task.carry_out(actions).await
    }

    /// No worker's output is further than another's: a pane's timing looks at the whole transform's.
    fn even_out(&mut self, workers: Range<usize>) {
        let tasks = &mut self.stages[workers];
        for head in 0..tasks[0].machine.heads() {
            let reached = tasks.iter_mut().map(|task| task.machine.own_output(head)).min().unwrap_or(Timestamp::MAX);
            tasks.iter_mut().for_each(|task| task.machine.hold_output_back(head, reached));
        }
    }

    /// Ends every stage, in order.
    async fn end(mut self) -> Result<Vec<Staged>, Failure> {
        let mut staged = Vec::new();
        let mut drops = Drops::default();
        let stages = self.stages.len() / self.workers;
        for stage in 0..stages {
            // Those before this one are gone, and have said so.
            self.settle_calls(StageId(stage)).await?;
            for mut task in self.stages.drain(..self.workers).collect::<Vec<_>>() {
                let ends = Event::Take(task.inputs.take_ready());
                let actions = task.machine.on(ends, self.env.now_ms(), usize::MAX)?;
                task.carry_out(actions).await?;
                debug_assert!(task.machine.is_finished(), "stage {stage} has nothing left to do after the end of time");
                task.report(&mut drops);
                drops = Drops::default();
                staged.extend(task.finish().await?);
            }
        }
        Ok(staged)
    }
}

/// What has come for a task: side inputs, then all elements of a head together; and watermarks.
fn in_one_bundle_per_head(task: &mut StageTask) -> (Vec<(usize, Message)>, Vec<(usize, Message)>) {
    let ready = task.inputs.take_ready();
    let (mut messages, of_heads): (Vec<_>, Vec<_>) =
        ready.into_iter().partition(|(channel, _)| task.machine.is_view(*channel));
    let mut bundles: BTreeMap<usize, (usize, Box<dyn AnyBundle>)> = BTreeMap::new();
    let mut others = Vec::new();
    for (channel, message) in of_heads {
        match (message, task.machine.head_of(channel)) {
            (Message::Data { mut bundle, .. }, Some(head)) => match bundles.get_mut(&head) {
                Some((_, all)) => all.append(&mut *bundle),
                None => drop(bundles.insert(head, (channel, bundle))),
            },
            (other, _) => others.push((channel, other)),
        }
    }
    let elements = bundles.into_values().map(|(channel, bundle)| (channel, Message::Data { bundle, origin: None }));
    messages.extend(elements);
    (messages, others)
}

/// A world in which time passes only as the script says; but not for calls, which wait for somebody outside.
struct ScriptEnv {
    now_ms: AtomicI64,
    outside: Arc<dyn Env>,
}

impl Env for ScriptEnv {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(pending())
    }

    fn sleep_outside(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.outside.sleep(span)
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {
        unreachable!("a script is run without tasks")
    }

    fn channel(&self, _: usize) -> (Sender, Receiver) {
        channel::bounded(ROUND_BOUND)
    }
}
