//! The tasks of a run, under way: the first that fails ends all others.

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable, Aborted};
use futures::stream::FuturesUnordered;
use purlin_model::Failure;
use tokio::sync::oneshot;

use super::env::Env;
use super::sinks::Staged;
use super::topology::Tasks;

/// What a task says when it ends.
type Report = Result<Result<Vec<Staged>, Failure>, Aborted>;

/// Tasks that were spawned. When it is dropped they end soon; [`end`](Self::end) waits for that.
pub(super) struct RunningTasks {
    reports: FuturesUnordered<oneshot::Receiver<Report>>,
    aborts: Vec<AbortHandle>,
}

impl RunningTasks {
    /// Spawns all tasks.
    pub(super) fn start(env: &dyn Env, tasks: Tasks) -> Self {
        let mut running = RunningTasks { reports: FuturesUnordered::new(), aborts: Vec::new() };
        for work in tasks.into_futures() {
            let (abort, registration) = AbortHandle::new_pair();
            let (report, reported) = oneshot::channel();
            let work = Abortable::new(work, registration);
            env.spawn(Box::pin(async move {
                // Nobody listens any more once another task has failed.
                let _ = report.send(work.await);
            }));
            running.aborts.push(abort);
            running.reports.push(reported);
        }
        running
    }

    /// Waits until every task has ended; gives what they have staged, or the first failure.
    pub(super) async fn outcome(&mut self) -> Result<Vec<Staged>, Failure> {
        let mut staged = Vec::new();
        let mut failure = None;
        while let Some(report) = self.reports.next().await {
            let first = match report {
                Ok(Ok(Ok(part))) => {
                    staged.extend(part);
                    continue;
                }
                Ok(Ok(Err(first))) => first,
                Ok(Err(Aborted)) => continue,
                Err(_) => Failure::other("a task of the streaming engine ended without a word"),
            };
            failure.get_or_insert(first);
            self.abort();
        }
        failure.map_or(Ok(staged), Err)
    }

    /// Ends every task, and waits until none is there any more.
    pub(super) async fn end(&mut self) {
        self.abort();
        while self.reports.next().await.is_some() {}
    }

    fn abort(&self) {
        self.aborts.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for RunningTasks {
    fn drop(&mut self) {
        self.abort();
    }
}
