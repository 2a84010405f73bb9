//! The sinks of a run: begun before anything is read, published or aborted together at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op};
use purlin_model::sink::{AnySink, AnyWriter, Io};
use purlin_model::{BoxError, Failure};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::task::ready;
use crate::plan::Plan;

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
        let mut sinks = Sinks { sinks: BTreeMap::new() };
        for id in plan.graph.node_ids() {
            let node = plan.graph.node(id);
            let Op::Write(sink) = &node.op else { continue };
            if let Err(cause) = io.block_on(sink.begin()) {
                sinks.abort(io);
                return Err(Failure::Sink { transform: node.name.clone(), cause });
            }
            let running = RunningSink { name: node.name.clone(), sink: sink.clone(), staged: Mutex::default() };
            sinks.sinks.insert(id, running);
        }
        Ok(sinks)
    }

    /// A writer for one worker.
    pub(super) fn open(&self, node: NodeId, worker: usize, io: &Handle) -> Result<WorkerWriter, Failure> {
        let running = &self.sinks[&node];
        match running.sink.io() {
            Io::Local => {
                let writer = ready(running.sink.open(worker)).map_err(|cause| running.failed(cause))?;
                Ok(WorkerWriter::Local { node, writer })
            }
            Io::Remote => Ok(WorkerWriter::remote(node, running, worker, io)),
        }
    }

    /// Ends a worker's writer and keeps what it staged.
    pub(super) fn close(&self, writer: WorkerWriter, io: &Handle) -> Result<(), Failure> {
        let (node, staged) = match writer {
            WorkerWriter::Local { node, mut writer } => (node, ready(writer.stage())),
            WorkerWriter::Remote { node, queue, task } => {
                drop(queue);
                (node, io.block_on(task).unwrap_or_else(|error| Err(error.into())))
            }
        };
        let running = &self.sinks[&node];
        let staged = staged.map_err(|cause| running.failed(cause))?;
        running.staged.lock().unwrap_or_else(PoisonError::into_inner).extend(staged);
        Ok(())
    }

    /// Takes a bundle to its writer.
    pub(super) fn write(&self, writer: &mut WorkerWriter, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        let (node, written) = match writer {
            WorkerWriter::Local { node, writer } => (node, ready(writer.write(bundle))),
            WorkerWriter::Remote { node, queue, .. } => {
                let sent = queue.blocking_send(bundle.take());
                (node, sent.map_err(|_| "its writer has ended".into()))
            }
        };
        written.map_err(|cause| self.sinks[node].failed(cause))
    }

    /// Makes everything visible.
    pub(super) fn publish(&self, io: &Runtime) -> Result<(), Failure> {
        for running in self.sinks.values() {
            let staged = std::mem::take(&mut *running.staged.lock().unwrap_or_else(PoisonError::into_inner));
            io.block_on(running.sink.publish(staged)).map_err(|cause| running.failed(cause))?;
        }
        Ok(())
    }

    /// Removes everything that is not visible yet. What goes wrong here is logged: the failure that led here is the news.
    pub(super) fn abort(&self, io: &Runtime) {
        for running in self.sinks.values() {
            if let Err(error) = io.block_on(running.sink.abort()) {
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
    Remote {
        node: NodeId,
        queue: mpsc::Sender<Box<dyn AnyBundle>>,
        task: JoinHandle<Result<Option<Vec<u8>>, BoxError>>,
    },
}

impl WorkerWriter {
    fn remote(node: NodeId, running: &RunningSink, worker: usize, io: &Handle) -> Self {
        let (queue, mut bundles) = mpsc::channel::<Box<dyn AnyBundle>>(WRITE_AHEAD);
        let sink = running.sink.clone();
        let task = io.spawn(async move {
            let mut writer = sink.open(worker).await?;
            while let Some(mut bundle) = bundles.recv().await {
                writer.write(&mut *bundle).await?;
            }
            writer.stage().await
        });
        WorkerWriter::Remote { node, queue, task }
    }
}
