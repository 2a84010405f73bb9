//! The sinks of a streaming run.

use std::collections::BTreeMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{NodeId, Op};
use purlin_model::sink::{AnySink, AnyWriter, SinkRun};
use purlin_model::{BoxError, Failure};

use crate::plan::Plan;
use crate::user_code::guarded_async;

/// What a writer has staged, with its sink's node.
pub(super) type Staged = (NodeId, Vec<u8>);

/// All sinks of a pipeline.
pub(super) struct Sinks {
    sinks: BTreeMap<NodeId, (String, Arc<dyn AnySink>)>,
}

impl Sinks {
    /// Begins every sink; if one refuses, those begun are aborted.
    pub(super) async fn begin(plan: &Plan) -> Result<Self, Failure> {
        let run = SinkRun::once("stream");
        let mut sinks = Sinks { sinks: BTreeMap::new() };
        for id in plan.graph.node_ids() {
            let node = plan.graph.node(id);
            let Op::Write(sink) = &node.op else { continue };
            if let Err(failure) = told(&node.name, sink.begin(&run)).await {
                sinks.abort().await;
                return Err(failure);
            }
            sinks.sinks.insert(id, (node.name.clone(), sink.clone()));
        }
        Ok(sinks)
    }

    /// A writer for one worker.
    pub(super) async fn open(&self, node: NodeId, worker: usize) -> Result<SinkWriter, Failure> {
        let (name, sink) = &self.sinks[&node];
        let writer = told(name, sink.open(worker)).await?;
        Ok(SinkWriter { node, name: name.clone(), writer })
    }

    /// Makes everything visible.
    pub(super) async fn publish(&self, staged: Vec<Staged>) -> Result<(), Failure> {
        for (node, (name, sink)) in &self.sinks {
            let own = staged.iter().filter(|(of, _)| of == node).map(|(_, bytes)| bytes.clone()).collect();
            told(name, sink.publish(own)).await?;
        }
        Ok(())
    }

    /// Removes everything that is not visible yet. What goes wrong here is logged: the failure that led here is the news.
    pub(super) async fn abort(&self) {
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
}

impl SinkWriter {
    pub(super) async fn write(&mut self, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        told(&self.name, self.writer.write(bundle)).await
    }

    pub(super) async fn stage(mut self) -> Result<Option<Staged>, Failure> {
        let staged = told(&self.name, self.writer.stage()).await?;
        Ok(staged.map(|bytes| (self.node, bytes)))
    }
}

/// What a sink does, its error or panic as a failure that names the write.
async fn told<T>(transform: &str, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, Failure> {
    let failed = |cause| Failure::Sink { transform: transform.to_string(), cause };
    guarded_async(transform, None, work).await?.map_err(failed)
}
