//! One stage on all workers.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use purlin_model::Failure;
use purlin_model::bundle::{AnyBundle, BUNDLE_TARGET, ElementSides};
use purlin_model::graph::{NodeId, Op};
use purlin_model::kernel::{KEY_GROUPS, Partial};
use purlin_model::source::{AnySplit, Io, SplitRequest};
use purlin_model::window::{Window, WindowSet};
use purlin_model::{Pane, Timestamp};
use tokio::runtime::Runtime;

use super::BatchRunner;
use super::exits::{Gathered, SHARDS, WorkerExits, whole};
use super::feed::Feed;
use super::sinks::Sinks;
use super::spill::SpillSegment;
use super::task::Task;
use crate::core::{StageRun, ViewState};
use crate::plan::{HeadKind, KeyedWork, Plan, Stage};
use crate::user_code::{guarded, guarded_async};

/// How many splits there are per worker, so that uneven ones even out.
const SPLITS_PER_WORKER: usize = 4;

/// What stages leave for later ones.
pub(super) struct Between {
    partials: HashMap<NodeId, Vec<Vec<Box<dyn Partial>>>>,
    spilled: HashMap<NodeId, Vec<(usize, SpillSegment)>>,
    shards: HashMap<NodeId, Vec<Vec<Box<dyn AnyBundle>>>>,
    handed: HashMap<(usize, usize), Vec<Box<dyn AnyBundle>>>,
    views: HashMap<NodeId, ViewState>,
    /// What has come for views since the last stage.
    shown: HashMap<NodeId, Vec<(Window, Arc<dyn Any + Send + Sync>)>>,
}

impl Between {
    pub(super) fn new(views: HashMap<NodeId, ViewState>) -> Self {
        Between {
            partials: HashMap::new(),
            spilled: HashMap::new(),
            shards: HashMap::new(),
            handed: HashMap::new(),
            views,
            shown: HashMap::new(),
        }
    }

    fn take_in(&mut self, gathered: Gathered) {
        match gathered {
            Gathered::Aggregated { node, partials, spilled } => {
                self.partials.entry(node).or_default().push(partials);
                self.spilled.entry(node).or_default().extend(spilled);
            }
            Gathered::Sharded { node, shards } => self.shards.entry(node).or_default().push(shards),
            Gathered::Handed { stage, head, bundles } => {
                self.handed.entry((stage, head)).or_default().extend(bundles);
            }
            Gathered::View { node, values } => self.shown.entry(node).or_default().extend(values),
        }
    }

    /// Of the views that were shown something every value has come by now: what a window has not got, it will not get.
    fn complete_views(&mut self) {
        for (node, view) in &mut self.views {
            if let Some(values) = self.shown.remove(node) {
                view.gather(values);
            }
            view.advance(Timestamp::MAX);
        }
    }
}

/// A stage being run.
pub(super) struct StageExecution<'a> {
    pub(super) runner: &'a BatchRunner,
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Arc<Stage>,
    pub(super) io: &'a Runtime,
    pub(super) pool: &'a rayon::ThreadPool,
    pub(super) sinks: &'a Sinks,
    /// The stage is gone through several times, so nothing is grouped as a whole.
    pub(super) in_rounds: bool,
    pub(super) failed: AtomicBool,
}

impl<'a> StageExecution<'a> {
    /// Runs the stage to its end.
    pub(super) fn run(&self, between: &mut Between) -> Result<(), Failure> {
        let (tasks, remote) = self.tasks(between)?;
        self.runner.observer.tasks(tasks.len());
        between.complete_views();
        let queue = Mutex::new(VecDeque::from(tasks));
        let feed = (!remote.is_empty()).then(|| Feed::start(self, remote));
        let results: Mutex<Vec<Result<Vec<Gathered>, Failure>>> = Mutex::default();
        self.pool.scope(|scope| {
            for worker in 0..self.runner.parallelism {
                let (queue, feed, results, views) = (&queue, feed.as_ref(), &results, between.views.clone());
                scope.spawn(move |_| {
                    let _entered = self.io.enter();
                    let work = || self.work(worker, queue, feed, views);
                    // User code is guarded where it is called; what is left (a `Clone`, a coder) is found here.
                    let result = guarded(&self.stage.name, None, work).and_then(|result| result);
                    if result.is_err() {
                        self.failed.store(true, Ordering::Relaxed);
                        feed.iter().for_each(|feed| feed.stop());
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                });
            }
        });
        if self.runner.is_cancelled() {
            return Err(Failure::other("the pipeline was stopped before its end; nothing was published"));
        }
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        for result in results {
            result?.into_iter().for_each(|gathered| between.take_in(gathered));
        }
        Ok(())
    }

    /// Whether some worker has failed, and the others' work is in vain.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// How many bytes one worker may hold for one grouping.
    pub(super) fn spill_limit(&self) -> usize {
        let shares = self.runner.parallelism * self.stage.exits.len().max(1);
        self.runner.memory_limit.map_or(usize::MAX, |limit| limit / shares)
    }

    fn work(
        &self,
        worker: usize,
        queue: &Mutex<VecDeque<Task>>,
        feed: Option<&Feed>,
        views: HashMap<NodeId, ViewState>,
    ) -> Result<Vec<Gathered>, Failure> {
        let mut run = StageRun::new(self.stage.clone(), views)?;
        let mut exits = WorkerExits::new(self, worker)?;
        let stopped = || self.runner.is_cancelled() || self.has_failed();
        while !stopped() {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(task) = next else { break };
            self.perform(task, &mut run, &mut exits)?;
            self.runner.observer.task_done();
        }
        while let Some(feed) = feed.filter(|_| !stopped()) {
            let Some(fed) = feed.next() else { break };
            let mut fed = fed?;
            self.runner.observer.read(fed.bundle.len());
            run.set_origin(Some(fed.origin));
            run.start_bundle()?;
            run.enter(fed.head, &mut fed.bundle, &mut exits)?;
            run.finish_bundle(&mut exits)?;
        }
        if stopped() {
            return Ok(Vec::new());
        }
        run.teardown()?;
        exits.finish()
    }

    /// The stage's input as tasks, and the splits of remote sources.
    fn tasks(&self, between: &mut Between) -> Result<(Vec<Task>, Vec<(usize, AnySplit)>), Failure> {
        let mut tasks = Vec::new();
        let mut remote = Vec::new();
        for (head, plan_head) in self.stage.heads.iter().enumerate() {
            match &plan_head.kind {
                HeadKind::Read(node) => {
                    let Op::Read(source) = &self.plan.graph.node(*node).op else {
                        unreachable!("a read head names a read")
                    };
                    let desired = self.runner.parallelism * SPLITS_PER_WORKER;
                    let splits = source.splits(SplitRequest { desired, bounded: true });
                    let splits = self.io.block_on(guarded_async(&plan_head.name, None, splits))?;
                    let splits = splits.map_err(|cause| Failure::Source {
                        transform: plan_head.name.clone(),
                        origin: None,
                        cause,
                    })?;
                    match source.io() {
                        Io::Local => tasks.extend(splits.into_iter().map(|split| Task::Split { head, split })),
                        Io::Remote => remote.extend(splits.into_iter().map(|split| (head, split))),
                    }
                }
                HeadKind::Keyed { node, .. } if whole(self, *node).is_some() => {
                    tasks.extend(self.partition_tasks(head, *node, between));
                }
                HeadKind::Keyed { node, .. } => {
                    let workers = between.shards.remove(node).unwrap_or_default();
                    let mut shards: Vec<Vec<Box<dyn AnyBundle>>> = (0..SHARDS).map(|_| Vec::new()).collect();
                    for (shard, bundle) in workers.into_iter().flat_map(|shards| shards.into_iter().enumerate()) {
                        shards[shard].push(bundle);
                    }
                    let task = |(shard, bundles)| Task::Shard { head, shard, shards: SHARDS, bundles };
                    tasks.extend(shards.into_iter().enumerate().map(task));
                }
                HeadKind::Calls { .. } => unreachable!("in batch calls are fused"),
                HeadKind::Handed { .. } => {
                    let bundles = between.handed.remove(&(self.stage.id.0, head)).unwrap_or_default();
                    let pieces = bundles.into_iter().flat_map(into_pieces);
                    tasks.extend(pieces.map(|bundle| Task::Handed { head, bundle }));
                }
            }
        }
        Ok((tasks, remote))
    }

    /// One task per partition that holds anything.
    fn partition_tasks(&self, head: usize, node: NodeId, between: &mut Between) -> Vec<Task> {
        let mut partitions: BTreeMap<usize, (Vec<Box<dyn Partial>>, Vec<SpillSegment>)> = BTreeMap::new();
        for partials in between.partials.remove(&node).unwrap_or_default() {
            debug_assert_eq!(partials.len(), KEY_GROUPS);
            for (partition, partial) in partials.into_iter().enumerate().filter(|(_, partial)| !partial.is_empty()) {
                partitions.entry(partition).or_default().0.push(partial);
            }
        }
        for (partition, segment) in between.spilled.remove(&node).unwrap_or_default() {
            partitions.entry(partition).or_default().1.push(segment);
        }
        if partitions.is_empty() {
            return self.result_of_nothing(head).into_iter().collect();
        }
        let task = |(partials, spilled)| Task::Partition { head, partials, spilled };
        partitions.into_values().map(task).collect()
    }

    /// A global combine has a result even of no elements.
    fn result_of_nothing(&self, head: usize) -> Option<Task> {
        let HeadKind::Keyed { work: KeyedWork::Group { kernel, .. }, .. } = &self.stage.heads[head].kind else {
            return None;
        };
        let mut bundle = self.stage.heads[head].coder().new_bundle();
        let sides = ElementSides {
            timestamp: Window::GLOBAL.max_timestamp(),
            windows: WindowSet::GLOBAL,
            pane: Pane::ON_TIME_AND_ONLY,
        };
        kernel.empty_result(sides, &mut *bundle).then_some(Task::Handed { head, bundle })
    }
}

/// A bundle cut to sizes that spread over workers.
fn into_pieces(mut bundle: Box<dyn AnyBundle>) -> Vec<Box<dyn AnyBundle>> {
    let mut pieces = Vec::new();
    while bundle.len() > 4 * BUNDLE_TARGET {
        let tail = bundle.split_off(4 * BUNDLE_TARGET);
        pieces.push(std::mem::replace(&mut bundle, tail));
    }
    pieces.push(bundle);
    pieces
}
