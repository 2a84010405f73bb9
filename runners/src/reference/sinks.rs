//! The sinks of a run: nothing is published before everything has succeeded (SEMANTICS §10; the contract of `Sink`).

use std::sync::Arc;

use purlin_model::graph::{Graph, Node, Op};
use purlin_model::sink::{AnySink, AnyWriter, SinkRun};
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
    writer: Option<Box<dyn AnyWriter>>,
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
                let (sink, staged) = (sink.clone(), Vec::new());
                self.begun.push(Begun { transform, sink: sink.clone(), writer: None, staged, published: false });
                self.runtime.block_on(told(&node.name, sink.begin(&SinkRun::once("reference"))))?;
            }
        }
        Ok(())
    }

    /// Writes `elements`, which have come for `node`.
    pub(super) fn write(&mut self, graph: &Graph, node: &Node, elements: &[Element]) -> Result<(), Failure> {
        let Some(begun) = self.begun.iter_mut().find(|begun| begun.transform == node.name) else { return Ok(()) };
        if elements.is_empty() {
            return Ok(());
        }
        let mut bundle = element::decode(&node.name, graph.collection(node.inputs[0]), elements)?;
        self.runtime.block_on(told(&node.name, async { begun.writer().await?.write(&mut *bundle).await }))
    }

    /// Makes durable what was written: nothing more will be.
    pub(super) fn stage(&mut self) -> Result<(), Failure> {
        for begun in &mut self.begun {
            let transform = begun.transform.clone();
            let staged = self.runtime.block_on(told(&transform, async { begun.writer().await?.stage().await }))?;
            begun.staged.extend(staged);
            begun.writer = None;
        }
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
        for begun in self.begun.iter_mut().filter(|begun| !begun.published) {
            begun.writer = None;
            let _ = self.runtime.block_on(begun.sink.discard());
        }
    }
}

impl Begun {
    /// The run's only writer, opened when it is first asked for.
    async fn writer(&mut self) -> Result<&mut Box<dyn AnyWriter>, BoxError> {
        if self.writer.is_none() {
            self.writer = Some(self.sink.open(0).await?);
        }
        self.writer.as_mut().ok_or_else(|| "a writer was opened and is gone".into())
    }
}

async fn told<T>(transform: &str, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, Failure> {
    guarded_async(transform, None, work).await?.map_err(|cause| Failure::Sink { transform: transform.into(), cause })
}
