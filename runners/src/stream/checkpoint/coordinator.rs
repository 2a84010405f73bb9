//! The coordinator: asks for checkpoints, gathers their parts, makes them durable, and commits them.
//!
//! One checkpoint is under way at a time. It is *complete* when every task has answered its barrier or has ended before it; *durable* when its
//! segment and manifest are stored; *committed* when the commit point says so, which is a transaction of the sinks' cluster
//! or, without one, a file that can be created only once. Only then do other sinks publish. Whatever goes wrong in between, the job is at
//! the last commit, and nobody has seen anything else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{Either, select};
use purlin_model::Failure;
use purlin_model::graph::NodeId;
use tokio::sync::{mpsc, watch};

use super::gathered::Gathered;
use super::interruption::Interruption;
use super::offsets;
use super::participant::{Content, Part, TaskName};
use super::settings::{CheckpointSettings, TIDY_TIME};
use super::transaction::JobTransactions;
use crate::checkpoint::{
    Checkpoints, Commit, CommitError, Manifest, ManifestRef, OperatorState, Section, SinkState, SnapshotId,
    SourceState, SplitState, StageState, wants_compaction,
};
use crate::observe::{CheckpointReport, Observer};
use crate::plan::{HeadKind, Plan};
use crate::stream::env::Env;
use crate::stream::sinks::Sinks;
use crate::stream::stop::{StopHandle, StopMode};

/// How often storing one snapshot is tried within its deadline.
const STORE_ATTEMPTS: u32 = 5;
/// The wait before the second attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The coordinator of one run.
pub(in crate::stream) struct Coordinator<'a> {
    pub(in crate::stream) env: Arc<dyn Env>,
    pub(in crate::stream) observer: Arc<Observer>,
    pub(in crate::stream) settings: &'a CheckpointSettings,
    pub(in crate::stream) plan: &'a Plan,
    pub(in crate::stream) sinks: &'a Sinks,
    pub(in crate::stream) checkpoints: &'a Checkpoints,
    pub(in crate::stream) transactions: Option<Arc<JobTransactions>>,
    pub(in crate::stream) incarnation: u64,
    pub(in crate::stream) parallelism: usize,
    pub(in crate::stream) requests: watch::Sender<u64>,
    pub(in crate::stream) parts: mpsc::UnboundedReceiver<Part>,
    /// Every task, at the place of its id.
    pub(in crate::stream) tasks: Vec<TaskName>,
    /// The checkpoint that the run goes on from: its number and its manifest.
    pub(in crate::stream) last: u64,
    pub(in crate::stream) manifest: Option<Manifest>,
    pub(in crate::stream) stop: StopHandle,
    /// Set once something was committed.
    pub(in crate::stream) has_committed: &'a AtomicBool,
    /// Whether what earlier instances had staged, and nobody commits any more, is gone.
    pub(in crate::stream) has_discarded: bool,
}

impl Coordinator<'_> {
    /// Makes checkpoints until every task has ended, and a last one then. `None` says that tasks are gone before their time, and know why.
    pub(in crate::stream) async fn run(mut self) -> Result<(), Option<Interruption>> {
        let mut gathered = Gathered::default();
        loop {
            self.wait(&mut gathered).await?;
            let checkpoint = self.last + 1;
            let requested_ms = self.env.steady_ms();
            if !gathered.nobody_is_left(self.tasks.len()) {
                self.requests.send_replace(checkpoint);
            }
            let tell = |slow| tracing::warn!("{slow}");
            if !gathered.complete(checkpoint, &self.tasks, &mut self.parts, &*self.env, tell).await {
                return Err(None);
            }
            let everything_ended = gathered.everything_ended(checkpoint, self.tasks.len());
            self.conclude(checkpoint, requested_ms, &mut gathered, everything_ended).await?;
            if everything_ended {
                return Ok(());
            }
        }
    }

    /// Waits until the next checkpoint is due, or every task has ended.
    async fn wait(&mut self, gathered: &mut Gathered) -> Result<(), Option<Interruption>> {
        let mut due = self.env.sleep(self.settings.interval);
        while !gathered.nobody_is_left(self.tasks.len()) {
            match select(due, Box::pin(self.parts.recv())).await {
                Either::Left(_) => return Ok(()),
                Either::Right((part, still_due)) => {
                    gathered.take(part.ok_or(None)?);
                    due = still_due;
                }
            }
        }
        Ok(())
    }

    /// Makes a complete checkpoint durable, commits it, and publishes.
    async fn conclude(
        &mut self,
        checkpoint: u64,
        requested_ms: i64,
        gathered: &mut Gathered,
        ended: bool,
    ) -> Result<(), Interruption> {
        let gathered_ms = self.env.steady_ms();
        let (sections, manifest) = self.assemble(checkpoint, gathered, ended)?;
        let bytes = sections.iter().map(|section| section.log.len() as u64).sum();
        let (reference, manifest) = self.store(checkpoint, sections, manifest).await?;
        let stored_ms = self.env.steady_ms();
        let is_noted = self.commit(checkpoint, &reference, &manifest).await?;
        self.has_committed.store(true, Ordering::Relaxed);
        self.plan.graph.metrics.commit();
        if !ended && let Some(transactions) = &self.transactions {
            transactions.open(checkpoint + 1).await?;
        }
        self.sinks.publish_checkpoint(&manifest.sinks).await?;
        if self.transactions.is_none() && !std::mem::replace(&mut self.has_discarded, true) {
            // Without a fence an earlier instance could commit until now: this commit is the one that it would have made, or a later one.
            self.sinks.discard().await;
        }
        self.last = checkpoint;
        let span = |from: i64, to: i64| Duration::from_millis(u64::try_from(to - from).unwrap_or(0));
        self.observer.checkpointed(CheckpointReport {
            checkpoint,
            bytes,
            gathered_in: span(requested_ms, gathered_ms),
            stored_in: span(gathered_ms, stored_ms),
            committed_ms: self.env.now_ms(),
        });
        self.manifest = Some(manifest);
        if is_noted {
            let incarnation = self.incarnation;
            let (env, limit) = (self.env.clone(), TIDY_TIME);
            let confirmed = Commit { checkpoint, manifest: reference, incarnation };
            let tidied = select(Box::pin(self.tidy(&confirmed)), env.sleep(limit)).await;
            if matches!(tidied, Either::Right(_)) {
                let limit = limit.as_secs();
                tracing::warn!(
                    "merging segments and removing old checkpoints took longer than {limit} s, and was left"
                );
            }
        }
        Ok(())
    }

    /// Writes the segment and the manifest, again under another name if that fails, until the deadline.
    async fn store(
        &self,
        checkpoint: u64,
        sections: Vec<Section>,
        manifest: Manifest,
    ) -> Result<(ManifestRef, Manifest), Interruption> {
        let mut deadline = self.env.sleep(self.settings.store_deadline());
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            let id = SnapshotId { checkpoint, incarnation: self.incarnation, attempt };
            let write = Box::pin(self.checkpoints.write(&id, &sections, manifest.clone()));
            let error = match select(write, &mut deadline).await {
                Either::Left((Ok(stored), _)) => return Ok(stored),
                Either::Left((Err(error), _)) => error.to_string(),
                Either::Right(_) => {
                    let limit = self.settings.store_deadline().as_secs();
                    return Err(Interruption::passing(format!(
                        "checkpoint {checkpoint} could not be stored within {limit} s"
                    )));
                }
            };
            if attempt + 1 >= STORE_ATTEMPTS {
                return Err(Interruption::passing(format!("checkpoint {checkpoint} could not be stored: {error}")));
            }
            tracing::warn!("checkpoint {checkpoint} could not be stored and is tried again: {error}");
            self.env.sleep(pause).await;
            pause *= 2;
        }
        unreachable!("attempts end")
    }

    /// Commits, and says whether the storage knows of it.
    async fn commit(&self, checkpoint: u64, manifest: &ManifestRef, content: &Manifest) -> Result<bool, Interruption> {
        if let Some(transactions) = &self.transactions {
            let progress = Commit { checkpoint, manifest: manifest.clone(), incarnation: self.incarnation };
            let positions = offsets::positions(self.plan, content, transactions.cluster_id())?;
            transactions.commit(&progress, &positions).await?;
        }
        // With transactions a note for those who look at the storage; without, the commit itself.
        match self.checkpoints.commit(checkpoint, manifest, self.incarnation).await {
            Ok(()) => Ok(true),
            Err(error) if self.transactions.is_some() => {
                tracing::warn!("checkpoint {checkpoint} is committed, but could not be noted in the storage: {error}");
                Ok(false)
            }
            Err(CommitError::Lost { by, .. }) if by > self.incarnation => {
                Err(Interruption::superseded(&self.settings.job, by))
            }
            // An earlier incarnation came first, after all; or it is in doubt what happened. What is committed tells.
            Err(error) => {
                Err(Interruption::passing(format!("checkpoint {checkpoint} could not be committed: {error}")))
            }
        }
    }

    /// Merges segments where they have become too many, and removes what no checkpoint needs. What goes wrong is only logged: the next
    /// checkpoint tries again.
    async fn tidy(&mut self, confirmed: &Commit) {
        if let Some(manifest) = &mut self.manifest
            && wants_compaction(&manifest.segments)
        {
            match self.checkpoints.compact(manifest, self.incarnation).await {
                Ok(compaction) => drop(compaction.apply(&mut manifest.segments)),
                Err(error) => tracing::warn!("segments of the state could not be merged: {error}"),
            }
        }
        let retained = self.settings.retained.max(1);
        if let Err(error) = self.checkpoints.collect_garbage(retained, confirmed, self.incarnation).await {
            tracing::warn!("old checkpoints could not be removed: {error}");
        }
    }

    /// A complete checkpoint as sections and manifest.
    fn assemble(
        &self,
        checkpoint: u64,
        gathered: &mut Gathered,
        ended: bool,
    ) -> Result<(Vec<Section>, Manifest), Failure> {
        let mut staged: BTreeMap<NodeId, Vec<Vec<u8>>> = BTreeMap::new();
        let mut sections = Vec::new();
        for (task, content) in gathered.contributions(checkpoint) {
            match content {
                Content::Positions { source, splits } => drop(gathered.positions.insert(task, (source, splits))),
                Content::Calls { transform, unfinished } => drop(gathered.calls.insert(task, (transform, unfinished))),
                Content::Stage(mut part) => {
                    for (sink, bytes) in part.staged.drain(..) {
                        staged.entry(sink).or_default().push(bytes);
                    }
                    for (operator, _, log) in &mut part.shards {
                        let log = std::mem::take(log);
                        if !log.is_empty() {
                            let (worker, workers) = (part.worker as u32, self.parallelism as u32);
                            sections.push(Section { operator: operator.clone(), worker, workers, log });
                        }
                    }
                    gathered.stages.insert(task, part);
                }
            }
        }
        let mut sources: BTreeMap<NodeId, Vec<SplitState>> = BTreeMap::new();
        for (source, splits) in gathered.positions.values() {
            sources.entry(*source).or_default().extend(splits.iter().cloned());
        }
        let name = |node: &NodeId| self.plan.graph.node(*node).name.clone();
        let manifest = Manifest {
            job: self.settings.job.clone(),
            checkpoint,
            incarnation: self.incarnation,
            attempt: 0,
            created_ms: self.env.now_ms(),
            fingerprint: self.plan.graph.fingerprint(),
            parallelism: self.parallelism as u32,
            finished: ended && self.stop.mode() != Some(StopMode::Stop),
            cluster: self.transactions.as_ref().map(|transactions| transactions.cluster_id().to_string()),
            segments: self.manifest.as_ref().map(|manifest| manifest.segments.clone()).unwrap_or_default(),
            operators: self.operators(gathered)?,
            stages: stages(gathered)?,
            sources: sources
                .iter()
                .map(|(node, splits)| SourceState { name: name(node), splits: splits.clone() })
                .collect(),
            sinks: staged.into_iter().map(|(node, staged)| SinkState { name: name(&node), staged }).collect(),
        };
        Ok((sections, manifest))
    }

    fn operators(&self, gathered: &Gathered) -> Result<Vec<OperatorState>, Failure> {
        let mut operators: BTreeMap<&str, OperatorState> = BTreeMap::new();
        for (operator, shard, _) in gathered.stages.values().flat_map(|part| &part.shards) {
            let state = operators.entry(operator).or_insert_with(|| OperatorState {
                name: operator.clone(),
                types: state_types(self.plan, operator),
                shards: Vec::new(),
            });
            state.shards.push(postcard::to_stdvec(shard).map_err(Failure::other)?);
        }
        for (transform, unfinished) in gathered.calls.values() {
            let state = operators.entry(transform).or_insert_with(|| OperatorState {
                name: transform.clone(),
                types: vec![(UNFINISHED.into(), self.element_type(transform).into())],
                shards: Vec::new(),
            });
            state.shards.push(unfinished.clone());
        }
        Ok(operators.into_values().collect())
    }

    /// The type of what a transform takes in.
    fn element_type(&self, transform: &str) -> &'static str {
        let graph = &self.plan.graph;
        let node = graph.nodes.iter().find(|node| node.name == transform);
        let input = node.and_then(|node| node.inputs.first());
        input.map_or("", |input| graph.collection(*input).coder.element_type())
    }
}

fn stages(gathered: &Gathered) -> Result<Vec<StageState>, Failure> {
    let mut stages: BTreeMap<&str, StageState> = BTreeMap::new();
    for part in gathered.stages.values() {
        let new = || StageState { name: part.stage.clone(), workers: Vec::new() };
        let steps = postcard::to_stdvec(&part.steps).map_err(Failure::other)?;
        stages.entry(&part.stage).or_insert_with(new).workers.push(steps);
    }
    Ok(stages.into_values().collect())
}

/// What a transform keeps that makes calls: the elements without an answer.
pub(super) const UNFINISHED: &str = "(unfinished)";

/// What a transform keeps by key, name and type.
fn state_types(plan: &Plan, transform: &str) -> Vec<(String, String)> {
    let heads = plan.stages.iter().flat_map(|stage| &stage.heads).filter(|head| head.name == transform);
    let types = heads.filter_map(|head| match &head.kind {
        HeadKind::Keyed { work, windowing, .. } => Some(work.state_types(windowing)),
        _ => None,
    });
    types.flatten().map(|state| (state.name, state.of)).collect()
}
