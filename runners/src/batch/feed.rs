//! Remote sources: read on the I/O runtime, handed to the workers through one bounded queue.

use std::sync::{Mutex, PoisonError};

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::Op;
use purlin_model::source::{AnySplit, Progress};
use purlin_model::{BoxError, Failure};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::stage::StageExecution;
use crate::plan::HeadKind;
use crate::user_code::guarded_async;

/// Bundles read ahead of the workers, per worker: enough to ride out a fetch, little enough to stay in cache.
const READ_AHEAD: usize = 4;

/// A bundle that was read, with where it came from.
pub(super) struct Fed {
    pub(super) head: usize,
    pub(super) origin: String,
    pub(super) bundle: Box<dyn AnyBundle>,
}

/// The queue from the I/O runtime to the workers.
pub(super) struct Feed {
    queue: Mutex<mpsc::Receiver<Result<Fed, Failure>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Feed {
    /// Starts reading `splits`.
    pub(super) fn start(execution: &StageExecution<'_>, splits: Vec<(usize, AnySplit)>) -> Feed {
        let (sender, receiver) = mpsc::channel(execution.runner.parallelism * READ_AHEAD);
        let readers = splits
            .into_iter()
            .map(|(head, split)| execution.io.spawn(read(execution, head, split, sender.clone())))
            .collect();
        Feed { queue: Mutex::new(receiver), readers }
    }

    /// The next bundle; `None` once all splits have ended.
    pub(super) fn next(&self) -> Option<Result<Fed, Failure>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }

    /// Stops reading; workers that wait for bundles go on.
    pub(super) fn stop(&self) {
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

fn read(
    execution: &StageExecution<'_>,
    head: usize,
    split: AnySplit,
    queue: mpsc::Sender<Result<Fed, Failure>>,
) -> impl Future<Output = ()> + Send + 'static {
    let plan_head = &execution.stage.heads[head];
    let HeadKind::Read(node) = &plan_head.kind else { unreachable!("only reads are fed") };
    let Op::Read(source) = &execution.plan.graph.node(*node).op else { unreachable!("a read head names a read") };
    let (source, coder) = (source.clone(), plan_head.coder().clone());
    let (transform, origin) = (plan_head.name.clone(), split.name.clone());
    async move {
        let failed =
            |cause: BoxError| Failure::Source { transform: transform.clone(), origin: Some(origin.clone()), cause };
        let opened = guarded_async(&transform, Some(&origin), source.open(split)).await;
        let mut reader = match opened.and_then(|opened| opened.map_err(failed)) {
            Ok(reader) => reader,
            Err(failure) => return drop(queue.send(Err(failure)).await),
        };
        loop {
            let mut bundle = coder.new_bundle();
            // A panic that ended this task would look like the end of the split.
            let read = guarded_async(&transform, Some(&origin), reader.read(&mut *bundle)).await;
            let progress = match read.and_then(|read| read.map_err(failed)) {
                Ok(progress) => progress,
                Err(failure) => return drop(queue.send(Err(failure)).await),
            };
            let fed = Fed { head, origin: origin.clone(), bundle };
            if queue.send(Ok(fed)).await.is_err() || progress == Progress::End {
                return;
            }
        }
    }
}
