//! What a worker takes from the queue, and what it does with it.

use futures::FutureExt;
use purlin_model::bundle::{AnyBundle, BUNDLE_TARGET};
use purlin_model::graph::Op;
use purlin_model::kernel::Partial;
use purlin_model::source::{AnySplit, Progress};
use purlin_model::{BoxError, Failure, Timestamp};

use super::exits::WorkerExits;
use super::spill::SpillSegment;
use super::stage::StageExecution;
use crate::core::{KeyedMachine, Now, StageRun};
use crate::plan::{HeadKind, KeyedWork};
use crate::user_code::guarded;

/// One piece of a stage's input.
pub(super) enum Task {
    /// A split of a local source.
    Split { head: usize, split: AnySplit },
    /// A partition of a grouping whose windows are emitted whole.
    Partition { head: usize, partials: Vec<Box<dyn Partial>>, spilled: Vec<SpillSegment> },
    /// A shard of work by key that a machine does: what each worker shuffled to it.
    Shard { head: usize, shard: usize, shards: usize, bundles: Vec<Box<dyn AnyBundle>> },
    /// A bundle that an earlier stage handed over.
    Handed { head: usize, bundle: Box<dyn AnyBundle> },
}

impl StageExecution<'_> {
    /// Runs one task as one bundle of work.
    pub(super) fn perform(&self, task: Task, run: &mut StageRun, exits: &mut WorkerExits<'_>) -> Result<(), Failure> {
        run.start_bundle()?;
        match task {
            Task::Split { head, split } => self.read(head, split, run, exits)?,
            Task::Partition { head, partials, spilled } => self.group(head, partials, spilled, run, exits)?,
            Task::Shard { head, shard, shards, bundles } => {
                self.work_by_key(head, shard, shards, bundles, run, exits)?
            }
            Task::Handed { head, mut bundle } => {
                run.set_origin(None);
                run.enter(head, &mut bundle, exits)?;
            }
        }
        run.finish_bundle(exits)
    }

    fn read(
        &self,
        head: usize,
        split: AnySplit,
        run: &mut StageRun,
        exits: &mut WorkerExits<'_>,
    ) -> Result<(), Failure> {
        let name = split.name.clone();
        run.set_origin(Some(name.clone()));
        let HeadKind::Read(node) = &self.stage.heads[head].kind else { unreachable!("splits come from reads") };
        let Op::Read(source) = &self.plan.graph.node(*node).op else { unreachable!("a read head names a read") };
        let transform = &self.stage.heads[head].name;
        let failed =
            |cause: BoxError| Failure::Source { transform: transform.clone(), origin: Some(name.clone()), cause };
        let mut reader = guarded(transform, Some(&name), || ready(source.open(split)))?.map_err(&failed)?;
        let mut bundle = self.stage.heads[head].coder().new_bundle();
        loop {
            if self.runner.is_cancelled() || self.has_failed() {
                return Ok(());
            }
            let progress = guarded(transform, Some(&name), || ready(reader.read(&mut *bundle)))?.map_err(&failed)?;
            self.runner.observer.read(bundle.len());
            run.enter(head, &mut bundle, exits)?;
            if progress == Progress::End {
                return Ok(());
            }
        }
    }

    fn group(
        &self,
        head: usize,
        mut partials: Vec<Box<dyn Partial>>,
        spilled: Vec<SpillSegment>,
        run: &mut StageRun,
        exits: &mut WorkerExits<'_>,
    ) -> Result<(), Failure> {
        run.set_origin(None);
        let HeadKind::Keyed { work: KeyedWork::Group { kernel, .. }, windowing, .. } = &self.stage.heads[head].kind
        else {
            unreachable!("partitions are grouped")
        };
        let merging = windowing.is_merging().then_some(&*windowing.function);
        if !spilled.is_empty() {
            let mut restored = kernel.empty_partial(merging.is_some());
            for segment in &spilled {
                restored.decode(&segment.read()?)?;
            }
            partials.push(restored);
        }
        let name = &self.stage.heads[head].name;
        let mut groups = guarded(name, None, || kernel.merge(partials, merging))?;
        let mut out = self.stage.heads[head].coder().new_bundle();
        loop {
            let more = guarded(name, None, || groups.emit(BUNDLE_TARGET, &mut *out))?;
            run.enter(head, &mut out, exits)?;
            if !more || self.runner.is_cancelled() || self.has_failed() {
                return Ok(());
            }
        }
    }

    fn work_by_key(
        &self,
        head: usize,
        shard: usize,
        shards: usize,
        bundles: Vec<Box<dyn AnyBundle>>,
        run: &mut StageRun,
        exits: &mut WorkerExits<'_>,
    ) -> Result<(), Failure> {
        run.set_origin(None);
        let HeadKind::Keyed { work, windowing, views, .. } = &self.stage.heads[head].kind else {
            unreachable!("shards are of work by key")
        };
        let (views, shard) = (run.views(views), (shard, shards));
        let name = &self.stage.heads[head].name;
        let failed = |cause: BoxError| Failure::Transform { transform: name.clone(), origin: None, cause };
        let mut machine = guarded(name, None, || KeyedMachine::new(work, windowing, views, shard))?.map_err(failed)?;
        machine.end();
        let mut outs = self.stage.heads[head].new_bundles();
        // Processing time stands still while a bounded collection is read.
        let now = Now::local(0);
        for mut bundle in bundles {
            guarded(name, None, || machine.process(&mut *bundle, now, &mut outs))?.map_err(failed)?;
            run.enter_all(head, &mut outs, exits)?;
        }
        loop {
            let advanced = guarded(name, None, || machine.advance(Timestamp::MAX, now, BUNDLE_TARGET, &mut outs))?;
            let done = advanced.map_err(failed)?;
            run.enter_all(head, &mut outs, exits)?;
            if done {
                let drops = machine.drops();
                self.runner.observer.dropped(drops.late, drops.closed);
                return guarded(name, None, || machine.teardown())?.map_err(failed);
            }
            if self.runner.is_cancelled() || self.has_failed() {
                return Ok(());
            }
        }
    }
}

/// The result of a future that has promised not to wait.
pub(super) fn ready<T>(future: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    future
        .now_or_never()
        .unwrap_or_else(|| Err("it says that its I/O is local, yet it waits: let its `io()` be `Io::Remote`".into()))
}
