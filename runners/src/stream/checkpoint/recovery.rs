//! From the last commit to a run that goes on from it.
//!
//! The order matters: register an incarnation; fence whoever was there before; see that nobody newer has registered in the meantime; only then
//! read what was committed, load the snapshot that it names, compare it with the offsets that were committed with it, and seek. So whoever is
//! newer fences later: none is fenced by its predecessor and goes on to remove files that the predecessor is about to commit. A named snapshot
//! that is missing or damaged is refused under exactly-once, for going back further would write output
//! again; at-least-once may go back, loudly.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use purlin_model::Failure;
use purlin_model::graph::Op;
use purlin_model::sink::Visibility;
use purlin_model::snapshot::{StateEntry, StateTable};
use purlin_model::transaction::LogCluster;

use super::coordinator::UNFINISHED;
use super::interruption::Interruption;
use super::offsets;
use super::settings::{CheckpointSettings, Guarantee};
use super::transaction::{JobTransactions, progress_topic};
use crate::checkpoint::{CheckpointError, Checkpoints, Commit, Manifest, ManifestRef, SplitState};
use crate::core::{ShardSnapshot, StageSnapshot, StateType};
use crate::plan::Plan;

/// The keyed state of a snapshot, by transform.
type Tables = BTreeMap<String, StateTable>;

/// What a run goes on from.
pub(in crate::stream) struct Recovered {
    pub(in crate::stream) checkpoints: Checkpoints,
    pub(in crate::stream) incarnation: u64,
    pub(in crate::stream) transactions: Option<Arc<JobTransactions>>,
    /// The last committed checkpoint; 0 before the first.
    pub(in crate::stream) last: u64,
    pub(in crate::stream) manifest: Option<Manifest>,
    pub(in crate::stream) state: Restored,
}

/// The state of a snapshot, dealt out to the workers of the run to come.
#[derive(Default)]
pub(in crate::stream) struct Restored {
    /// The splits of each source, by its transform.
    pub(in crate::stream) splits: HashMap<String, Vec<SplitState>>,
    operators: HashMap<String, RestoredOperator>,
    /// Elements without an answer, by the transform that made calls about them, as each of its workers had them.
    calls: HashMap<String, Vec<Vec<u8>>>,
    pub(in crate::stream) stages: Vec<StageSnapshot>,
}

/// The state of one transform that works by key.
struct RestoredOperator {
    types: Vec<StateType>,
    shards: Vec<ShardSnapshot>,
    /// By worker; taken out when that is set up.
    entries: Mutex<Vec<Vec<StateEntry>>>,
}

impl Restored {
    /// What a worker asks about again, of what the old workers had asked about.
    pub(in crate::stream) fn take_calls(&self, transform: &str, worker: usize, workers: usize) -> Vec<&[u8]> {
        let all = self.calls.get(transform).into_iter().flatten();
        all.skip(worker).step_by(workers).map(Vec::as_slice).collect()
    }

    /// What a worker takes over of a transform.
    pub(in crate::stream) fn take(
        &self,
        transform: &str,
        worker: usize,
    ) -> Option<(Vec<StateEntry>, &[ShardSnapshot], &[StateType])> {
        let operator = self.operators.get(transform)?;
        let mut entries = operator.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Some((entries.get_mut(worker).map(std::mem::take).unwrap_or_default(), &operator.shards, &operator.types))
    }
}

/// Finds the last commit and loads its snapshot for `parallelism` workers.
pub(in crate::stream) async fn recover(
    settings: &CheckpointSettings,
    plan: &Plan,
    parallelism: usize,
    own_incarnation: &AtomicU64,
) -> Result<Recovered, Interruption> {
    let cluster = cluster_of(settings, plan).await?;
    settings.check(cluster.is_some())?;
    let checkpoints = Checkpoints::new(settings.storage.clone(), &settings.job);
    let before = own_incarnation.load(Ordering::Relaxed);
    if before > 0
        && let Some(by) = checkpoints.newest_incarnation().await?.filter(|newest| *newest > before)
    {
        // Started elsewhere while this one could not even register again: it must not take over.
        return Err(Interruption::superseded(&settings.job, by));
    }
    let incarnation = checkpoints.register_incarnation().await?;
    own_incarnation.store(incarnation, Ordering::Relaxed);
    let noted = checkpoints.committed().await;
    let is_known_here = !matches!(noted, Ok(None));
    let (transactions, committed) = match &cluster {
        Some(cluster) => {
            let (transactions, progress) =
                JobTransactions::start(cluster.clone(), &settings.job, settings.transaction_timeout()).await?;
            if let Some(by) = checkpoints.newest_incarnation().await?.filter(|newest| *newest > incarnation) {
                return Err(Interruption::superseded(&settings.job, by));
            }
            match (noted, &progress) {
                (Ok(Some(noted)), None) => return Err(lost_progress(settings, &**cluster, noted.checkpoint).into()),
                // What it says, the cluster knows, too.
                (Err(damage), Some(_)) if !matches!(damage, CheckpointError::Storage(_)) => tracing::warn!("{damage}"),
                (noted, _) => drop(noted?),
            }
            let committed = progress.map(|progress| (progress.checkpoint, progress.manifest));
            (Some(Arc::new(transactions)), committed.map(|(last, manifest)| (last, Ok(manifest))))
        }
        None => (None, committed_here(&checkpoints, noted).await?),
    };
    let Some((last, reference)) = committed else {
        let state = Restored::default();
        return Ok(Recovered { checkpoints, incarnation, transactions, last: 0, manifest: None, state });
    };
    let (manifest, tables) = load(settings, &checkpoints, last, reference, is_known_here).await?;
    check_plan(plan, &manifest)?;
    let state = restored(plan, &checkpoints, &manifest, tables, parallelism)?;
    if let (Some(cluster), Some(transactions)) = (&cluster, &transactions) {
        let positions = offsets::positions(plan, &manifest, transactions.cluster_id())?;
        offsets::check(&**cluster, &settings.job, last, &positions).await?;
    }
    tracing::info!(
        "job `{}` goes on from checkpoint {} as incarnation {incarnation}",
        settings.job,
        manifest.checkpoint
    );
    Ok(Recovered { checkpoints, incarnation, transactions, last, manifest: Some(manifest), state })
}

/// The cluster whose transactions make the sinks exactly-once; an error if there are several, or if a sink cannot be.
async fn cluster_of(settings: &CheckpointSettings, plan: &Plan) -> Result<Option<Arc<dyn LogCluster>>, Interruption> {
    if settings.guarantee == Guarantee::AtLeastOnce {
        return Ok(None);
    }
    let mut found: Option<(Arc<dyn LogCluster>, String, &str)> = None;
    for node in &plan.graph.nodes {
        let Op::Write(sink) = &node.op else { continue };
        match sink.transactions() {
            None if sink.visibility() == Visibility::OnPublish => {}
            None => {
                return Err(Failure::Options(format!(
                    "`{}` writes to {}, where output is visible as it is written: after a restart some of it would be there twice. Choose another \
                     sink, or run with --guarantee at-least-once",
                    node.name,
                    sink.describe()
                ))
                .into());
            }
            Some(cluster) => {
                let id = cluster.id().await?;
                match &found {
                    Some((first, first_id, transform)) if *first_id != id => {
                        return Err(Failure::Options(format!(
                            "`{transform}` writes to {} and `{}` to {}: one transaction cannot span two clusters. Write to one of them, or run with \
                             --guarantee at-least-once",
                            first.describe(),
                            node.name,
                            cluster.describe()
                        ))
                        .into());
                    }
                    Some(_) => {}
                    None => found = Some((cluster, id, &node.name)),
                }
            }
        }
    }
    Ok(found.map(|(cluster, ..)| cluster))
}

/// The manifest that a commit names, or why the commit cannot be read.
type Named = Result<ManifestRef, CheckpointError>;

/// What the storage has `noted`, where its notes are what commits. That a damaged one was made counts, whatever it said.
async fn committed_here(
    checkpoints: &Checkpoints,
    noted: Result<Option<Commit>, CheckpointError>,
) -> Result<Option<(u64, Named)>, CheckpointError> {
    match noted {
        Ok(commit) => Ok(commit.map(|commit| (commit.checkpoint, Ok(commit.manifest)))),
        Err(error @ CheckpointError::Storage(_)) => Err(error),
        Err(damage) => Ok(checkpoints.newest_commit().await?.map(|last| (last, Err(damage)))),
    }
}

async fn load(
    settings: &CheckpointSettings,
    checkpoints: &Checkpoints,
    last: u64,
    named: Named,
    is_known_here: bool,
) -> Result<(Manifest, Tables), Interruption> {
    let snapshot = match named {
        // Every byte is checked as it is read.
        Ok(reference) => read(checkpoints, &reference).await,
        Err(damage) => Err(damage),
    };
    let error = match snapshot {
        Ok(snapshot) => return Ok(snapshot),
        Err(error) => error,
    };
    if matches!(error, CheckpointError::Storage(_)) {
        return Err(error.into());
    }
    match settings.guarantee {
        Guarantee::ExactlyOnce if !is_known_here && matches!(error, CheckpointError::Missing { .. }) => {
            Err(Failure::Options(format!(
                "job `{}` has committed checkpoint {last}, says its topic `{}`, but {} holds none of its checkpoints. Use the folder that it wrote to, or \
                 begin anew with another --checkpoint-dir and --job-name",
                settings.job,
                progress_topic(&settings.job),
                checkpoints.describe()
            ))
            .into())
        }
        Guarantee::ExactlyOnce => Err(Failure::Options(format!(
            "checkpoint {last} of job `{}` is committed, but its snapshot cannot be read: {error}. Going back to an earlier one would write output \
             again. Restore the file from a backup; or, if repeated output is acceptable, run once with --guarantee at-least-once",
            settings.job
        ))
        .into()),
        Guarantee::AtLeastOnce => {
            let earlier = checkpoints.load_newest_intact_before(last).await?;
            let Some((_, manifest)) = earlier else {
                return Err(Failure::Options(format!(
                    "no snapshot of job `{}` can be read; the last one: {error}. To begin anew, choose another --checkpoint-dir and --job-name",
                    settings.job
                ))
                .into());
            };
            tracing::error!(
                "checkpoint {last} of job `{}` cannot be read ({error}): going on from checkpoint {}, so that output is written AGAIN",
                settings.job,
                manifest.checkpoint
            );
            let tables = checkpoints.state(&manifest).await?;
            Ok((manifest, tables))
        }
    }
}

async fn read(checkpoints: &Checkpoints, reference: &ManifestRef) -> Result<(Manifest, Tables), CheckpointError> {
    let manifest = checkpoints.load(reference).await?;
    let tables = checkpoints.state(&manifest).await?;
    Ok((manifest, tables))
}

/// Refuses a snapshot that holds what the pipeline has no place for.
fn check_plan(plan: &Plan, manifest: &Manifest) -> Result<(), Failure> {
    let names: BTreeSet<&str> = plan.graph.nodes.iter().map(|node| node.name.as_str()).collect();
    let gone = |what: &str, name: &str| {
        Err(Failure::Options(format!(
            "checkpoint {} holds {what} `{name}`, which the pipeline does not have any more: it would be lost. Give the transform its old name \
             back, or begin anew with another --checkpoint-dir and --job-name",
            manifest.checkpoint
        )))
    };
    if let Some(operator) = manifest.operators.iter().find(|operator| !names.contains(operator.name.as_str())) {
        return gone("the state of", &operator.name);
    }
    if let Some(source) = manifest.sources.iter().find(|source| !names.contains(source.name.as_str())) {
        return gone("the positions of", &source.name);
    }
    match manifest.sinks.iter().find(|sink| !sink.staged.is_empty() && !names.contains(sink.name.as_str())) {
        Some(sink) => gone("output that is not yet published of", &sink.name),
        None => Ok(()),
    }
}

/// Refuses elements without an answer that the transform could not ask about.
fn check_calls(plan: &Plan, transform: &str, of: &str) -> Result<(), Failure> {
    let node = plan.graph.nodes.iter().find(|node| node.name == transform);
    let now = node.filter(|node| matches!(node.op, Op::Async(_))).and_then(|node| node.inputs.first());
    match now.map(|input| plan.graph.collection(*input).coder.element_type()) {
        Some(now) if now == of => Ok(()),
        now => Err(Failure::Options(format!(
            "in the checkpoint, elements of type `{of}` wait for an answer of `{transform}`, which {}: give it its old form back, or begin anew with \
             another --checkpoint-dir and --job-name",
            now.map_or("makes no calls any more".into(), |now| format!("now takes `{now}`"))
        ))),
    }
}

fn restored(
    plan: &Plan,
    checkpoints: &Checkpoints,
    manifest: &Manifest,
    mut tables: Tables,
    parallelism: usize,
) -> Result<Restored, Interruption> {
    let unreadable = |error: postcard::Error| {
        let place = checkpoints.describe();
        Failure::other(format!(
            "checkpoint {} in {place} holds state that this program cannot read: {error}",
            manifest.checkpoint
        ))
    };
    let mut operators = HashMap::new();
    let mut calls = HashMap::new();
    for operator in &manifest.operators {
        if let [(kind, of)] = &operator.types[..]
            && kind == UNFINISHED
        {
            check_calls(plan, &operator.name, of)?;
            calls.insert(operator.name.clone(), operator.shards.clone());
            continue;
        }
        let entries = tables.remove(&operator.name).map(|table| table.into_shards(parallelism)).unwrap_or_default();
        let shards = operator.shards.iter().map(|shard| postcard::from_bytes(shard)).collect::<Result<_, _>>();
        let types = operator.types.iter().map(|(name, of)| StateType { name: name.clone(), of: of.clone() }).collect();
        let shards = shards.map_err(unreadable)?;
        operators.insert(operator.name.clone(), RestoredOperator { types, shards, entries: Mutex::new(entries) });
    }
    let workers = manifest.stages.iter().flat_map(|stage| &stage.workers);
    let stages =
        workers.map(|worker| postcard::from_bytes(worker)).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    StageSnapshot::check(&stages, plan).map_err(|error| Failure::Options(error.to_string()))?;
    let splits: BTreeMap<_, _> =
        manifest.sources.iter().map(|source| (source.name.clone(), source.splits.clone())).collect();
    Ok(Restored { splits: splits.into_iter().collect(), operators, calls, stages })
}

fn lost_progress(settings: &CheckpointSettings, cluster: &dyn LogCluster, noted: u64) -> Failure {
    Failure::Options(format!(
        "the checkpoint folder says that job `{}` has committed checkpoint {noted}, but topic `{}` on {} has no record of it: it is another cluster, or \
         the topic was deleted. Use the cluster that the job wrote to, or begin anew with another --checkpoint-dir and --job-name",
        settings.job,
        progress_topic(&settings.job),
        cluster.describe()
    ))
}
