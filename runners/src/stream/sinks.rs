//! The sinks of a streaming run.

use std::collections::BTreeMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op};
use purlin_model::sink::{AnySink, AnyWriter, Publishing, SinkRun};
use purlin_model::{BoxError, Failure};

use super::checkpoint::{BufferedWriter, JobTransactions, WriterBuffer};
use crate::checkpoint::SinkState;
use crate::plan::Plan;
use crate::user_code::guarded_async;

/// What a writer has staged, with its sink's node.
pub(super) type Staged = (NodeId, Vec<u8>);

/// All sinks of a pipeline.
pub(super) struct Sinks {
    sinks: BTreeMap<NodeId, (String, Arc<dyn AnySink>)>,
    /// The transactions of the sinks that have some, and the first checkpoint that output belongs to.
    transactions: Option<(Arc<JobTransactions>, u64)>,
}

impl Sinks {
    /// Begins every sink; if one refuses, what those begun have made is removed.
    pub(super) async fn begin(plan: &Plan, run: &SinkRun) -> Result<Self, Failure> {
        let mut sinks = Sinks { sinks: BTreeMap::new(), transactions: None };
        for id in plan.graph.node_ids() {
            let node = plan.graph.node(id);
            let Op::Write(sink) = &node.op else { continue };
            if let Err(failure) = told(&node.name, sink.begin(run)).await {
                if run.publishing == Publishing::AtEnd {
                    sinks.discard().await;
                }
                return Err(failure);
            }
            sinks.sinks.insert(id, (node.name.clone(), sink.clone()));
        }
        Ok(sinks)
    }

    /// Output goes into these transactions where it can; that of the first checkpoint is `next`.
    pub(super) fn with_transactions(self, transactions: Arc<JobTransactions>, next: u64) -> Self {
        Sinks { transactions: Some((transactions, next)), ..self }
    }

    /// A writer for one worker.
    pub(super) async fn open(&self, node: NodeId, worker: usize) -> Result<SinkWriter, Failure> {
        let (name, sink) = &self.sinks[&node];
        let name = name.clone();
        if let Some((transactions, next)) = &self.transactions
            && sink.transactions().is_some()
        {
            let buffer = transactions.buffer(*next);
            let into = Box::new(BufferedWriter(buffer.clone()));
            let writer = told(&name, sink.open_transactional(worker, into)).await?;
            return Ok(SinkWriter { node, name, writer, buffer: Some(buffer) });
        }
        let writer = told(&name, sink.open(worker)).await?;
        Ok(SinkWriter { node, name, writer, buffer: None })
    }

    /// Makes everything visible.
    pub(super) async fn publish(&self, staged: Vec<Staged>) -> Result<(), Failure> {
        for (node, (name, sink)) in &self.sinks {
            let own = staged.iter().filter(|(of, _)| of == node).map(|(_, bytes)| bytes.clone()).collect();
            told(name, sink.publish(own)).await?;
        }
        Ok(())
    }

    /// Makes visible what a committed checkpoint has staged.
    pub(super) async fn publish_checkpoint(&self, states: &[SinkState]) -> Result<(), Failure> {
        for state in states.iter().filter(|state| !state.staged.is_empty()) {
            let Some((name, sink)) = self.sinks.values().find(|(name, _)| *name == state.name) else { continue };
            told(name, sink.publish(state.staged.clone())).await?;
        }
        Ok(())
    }

    /// Removes what nobody will publish any more. What goes wrong here is logged: the failure that led here is the news.
    pub(super) async fn discard(&self) {
        for (name, sink) in self.sinks.values() {
            if let Err(error) = sink.discard().await {
                tracing::warn!("temporary output of `{name}` could not be removed: {error}");
            }
        }
    }
}

/// One worker's writer.
pub(super) struct SinkWriter {
    node: NodeId,
    name: String,
    writer: Box<dyn AnyWriter>,
    /// Where its records wait for their transaction.
    buffer: Option<Arc<WriterBuffer>>,
}

impl SinkWriter {
    pub(super) async fn write(&mut self, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        told(&self.name, self.writer.write(bundle)).await
    }

    /// Makes durable what was written since the last call, behind the barrier of `checkpoint` or at the end.
    pub(super) async fn stage(&mut self, checkpoint: Option<u64>) -> Result<Option<Staged>, Failure> {
        let staged = told(&self.name, self.writer.stage()).await?;
        if let Some(buffer) = &self.buffer {
            let closed = async {
                match checkpoint {
                    Some(checkpoint) => Ok(buffer.close(checkpoint).await?),
                    None => Ok(buffer.flush().await?),
                }
            };
            told(&self.name, closed).await?;
        }
        Ok(staged.map(|bytes| (self.node, bytes)))
    }
}

/// What a sink does, its error or panic as a failure that names the write.
async fn told<T>(transform: &str, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, Failure> {
    let failed = |cause| Failure::Sink { transform: transform.to_string(), cause };
    guarded_async(transform, None, work).await?.map_err(failed)
}
