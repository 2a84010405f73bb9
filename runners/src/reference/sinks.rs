//! The sinks of a run: nothing is published before everything has succeeded (SEMANTICS §10; the contract of `Sink`).

use std::sync::Arc;

use purlin_model::graph::{Graph, Node, Op};
use purlin_model::sink::AnySink;
use purlin_model::{BoxError, Failure};
use tokio::runtime::Runtime;

use super::element::{self, Element};
use crate::user_code::guarded_async;

/// All sinks of a graph, by how far they have come.
pub(super) struct Sinks<'a> {
    runtime: &'a Runtime,
    begun: Vec<Begun>,
}

struct Begun {
    transform: String,
    sink: Arc<dyn AnySink>,
    staged: Vec<Vec<u8>>,
    published: bool,
}

impl<'a> Sinks<'a> {
    pub(super) fn new(runtime: &'a Runtime) -> Self {
        Sinks { runtime, begun: Vec::new() }
    }

    /// Begins every sink, before anything is read.
    pub(super) fn begin(&mut self, graph: &Graph) -> Result<(), Failure> {
        for node in &graph.nodes {
            if let Op::Write(sink) = &node.op {
                // Noted first: a sink that fails half-way through its beginning has something to remove, too.
                let transform = node.name.clone();
                self.begun.push(Begun { transform, sink: sink.clone(), staged: Vec::new(), published: false });
                self.runtime.block_on(told(&node.name, sink.begin()))?;
            }
        }
        Ok(())
    }

    /// Writes `elements`, the input of `node`, with one writer.
    pub(super) fn write(&mut self, graph: &Graph, node: &Node, elements: &[Element]) -> Result<(), Failure> {
        let Some(begun) = self.begun.iter_mut().find(|begun| begun.transform == node.name) else { return Ok(()) };
        let mut bundle = element::decode(&node.name, graph.collection(node.inputs[0]), elements)?;
        let staged = self.runtime.block_on(async {
            let mut writer = begun.sink.open(0).await?;
            if !bundle.is_empty() {
                writer.write(&mut *bundle).await?;
            }
            writer.stage().await
        });
        begun.staged.extend(staged.map_err(|cause| sink_failure(&node.name, cause))?);
        Ok(())
    }

    /// Makes everything visible, sink after sink.
    pub(super) fn publish(&mut self) -> Result<(), Failure> {
        for begun in &mut self.begun {
            let staged = std::mem::take(&mut begun.staged);
            self.runtime.block_on(told(&begun.transform, begun.sink.publish(staged)))?;
            begun.published = true;
        }
        Ok(())
    }

    /// Removes what is not published. The failure that led here says more than any that follows, so those are not reported.
    pub(super) fn abort(&mut self) {
        for begun in self.begun.iter().filter(|begun| !begun.published) {
            let _ = self.runtime.block_on(begun.sink.abort());
        }
    }
}

async fn told<T>(transform: &str, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, Failure> {
    guarded_async(transform, None, work).await?.map_err(|cause| sink_failure(transform, cause))
}

fn sink_failure(transform: &str, cause: BoxError) -> Failure {
    Failure::Sink { transform: transform.into(), cause }
}
