//! The sinks of a run: begun before anything is read, published or aborted together at the end.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op};
use purlin_model::sink::{AnySink, AnyWriter, Io, SinkRun};
use purlin_model::{BoxError, Failure};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::task::ready;
use crate::plan::Plan;
use crate::user_code::{guarded, guarded_async};

/// Bundles on their way to a remote writer: its back pressure reaches the worker after these.
const WRITE_AHEAD: usize = 4;

/// All sinks of a pipeline.
pub(super) struct Sinks {
    sinks: BTreeMap<NodeId, RunningSink>,
}

struct RunningSink {
    name: String,
    sink: Arc<dyn AnySink>,
    staged: Mutex<Vec<Vec<u8>>>,
}

impl Sinks {
    /// Begins every sink; if one refuses, those begun are aborted.
    pub(super) fn begin(plan: &Plan, io: &Runtime) -> Result<Self, Failure> {
        let run = SinkRun::once("batch");
        let mut sinks = Sinks { sinks: BTreeMap::new() };
        for id in plan.graph.node_ids() {
            let node = plan.graph.node(id);
            let Op::Write(sink) = &node.op else { continue };
            let running = RunningSink { name: node.name.clone(), sink: sink.clone(), staged: Mutex::default() };
            let begun = io.block_on(guarded_async(&node.name, None, sink.begin(&run)));
            if let Err(failure) = begun.and_then(|begun| begun.map_err(|cause| running.failed(cause))) {
                sinks.abort(io);
                return Err(failure);
            }
            sinks.sinks.insert(id, running);
        }
        Ok(sinks)
    }

    /// A writer for one worker.
    pub(super) fn open(&self, node: NodeId, worker: usize, io: &Handle) -> Result<WorkerWriter, Failure> {
        let running = &self.sinks[&node];
        match running.sink.io() {
            Io::Local => {
                let writer = guarded(&running.name, None, || ready(running.sink.open(worker)))?;
                let writer = writer.map_err(|cause| running.failed(cause))?;
                Ok(WorkerWriter::Local { node, writer })
            }
            Io::Remote => Ok(WorkerWriter::remote(node, running, worker, io)),
        }
    }

    /// Ends a worker's writer and keeps what it staged.
    pub(super) fn close(&self, writer: WorkerWriter, io: &Handle) -> Result<(), Failure> {
        let (node, staged) = match writer {
            WorkerWriter::Local { node, mut writer } => {
                let running = &self.sinks[&node];
                let staged = guarded(&running.name, None, || ready(writer.stage()))?;
                (node, staged.map_err(|cause| running.failed(cause))?)
            }
            WorkerWriter::Remote { node, queue, task } => {
                drop(queue);
                (node, ended(io, task)?)
            }
        };
        let running = &self.sinks[&node];
        running.staged.lock().unwrap_or_else(PoisonError::into_inner).extend(staged);
        Ok(())
    }

    /// Takes a bundle to its writer.
    pub(super) fn write(
        &self,
        writer: &mut WorkerWriter,
        bundle: &mut dyn AnyBundle,
        io: &Handle,
    ) -> Result<(), Failure> {
        match writer {
            WorkerWriter::Local { node, writer } => {
                let running = &self.sinks[node];
                let written = guarded(&running.name, None, || ready(writer.write(bundle)))?;
                written.map_err(|cause| running.failed(cause))
            }
            // A writer ends before its queue only because it has failed.
            WorkerWriter::Remote { queue, task, .. } => match queue.blocking_send(bundle.take()) {
                Ok(()) => Ok(()),
                Err(_) => ended(io, task).map(drop),
            },
        }
    }

    /// Makes everything visible.
    pub(super) fn publish(&self, io: &Runtime) -> Result<(), Failure> {
        for running in self.sinks.values() {
            let staged = std::mem::take(&mut *running.staged.lock().unwrap_or_else(PoisonError::into_inner));
            let published = io.block_on(guarded_async(&running.name, None, running.sink.publish(staged)))?;
            published.map_err(|cause| running.failed(cause))?;
        }
        Ok(())
    }

    /// Removes everything that is not visible yet. What goes wrong here is logged: the failure that led here is the news.
    pub(super) fn abort(&self, io: &Runtime) {
        for running in self.sinks.values() {
            if let Err(error) = io.block_on(running.sink.discard()) {
                tracing::warn!("temporary output of `{}` could not be removed: {error}", running.name);
            }
        }
    }
}

impl RunningSink {
    fn failed(&self, cause: BoxError) -> Failure {
        Failure::Sink { transform: self.name.clone(), cause }
    }
}

/// One worker's writer.
pub(super) enum WorkerWriter {
    /// Called by the worker itself.
    Local { node: NodeId, writer: Box<dyn AnyWriter> },
    /// Called on the I/O runtime.
    Remote { node: NodeId, queue: mpsc::Sender<Box<dyn AnyBundle>>, task: RemoteTask },
}

impl WorkerWriter {
    fn remote(node: NodeId, running: &RunningSink, worker: usize, io: &Handle) -> Self {
        let (queue, mut bundles) = mpsc::channel::<Box<dyn AnyBundle>>(WRITE_AHEAD);
        let (name, sink) = (running.name.clone(), running.sink.clone());
        let task = io.spawn(async move {
            let work = async {
                let mut writer = sink.open(worker).await?;
                while let Some(mut bundle) = bundles.recv().await {
                    writer.write(&mut *bundle).await?;
                }
                writer.stage().await
            };
            let staged = guarded_async(&name, None, work).await?;
            staged.map_err(|cause| Failure::Sink { transform: name.clone(), cause })
        });
        WorkerWriter::Remote { node, queue, task: RemoteTask(task) }
    }
}

/// A remote writer's task. A worker that fails drops it, and it must not take that for the end of the data.
pub(super) struct RemoteTask(JoinHandle<Result<Option<Vec<u8>>, Failure>>);

impl Future for RemoteTask {
    type Output = Result<Result<Option<Vec<u8>>, Failure>, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for RemoteTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a remote writer's task ended with.
fn ended<T>(io: &Handle, task: impl Future<Output = Result<Result<T, Failure>, JoinError>>) -> Result<T, Failure> {
    io.block_on(task).unwrap_or_else(|error| Err(Failure::other(error)))
}
