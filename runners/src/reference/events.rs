//! The events of a run, in order (SEMANTICS §11).
//!
//! Ordinary sources are read to their end first: one event with all that they hold, their watermarks at MIN, and one that moves these
//! to MAX. Then a script, where the pipeline reads one, is played event by event.

use std::collections::BTreeMap;

use purlin_model::graph::{Graph, Node, NodeId, Op};
use purlin_model::source::{AnySource, AnySplit, Progress, Script, ScriptEvent, SplitRequest};
use purlin_model::{BoxError, Failure, Timestamp};
use tokio::runtime::Runtime;

use super::element::{self, Element};
use crate::user_code::guarded;

/// More than one, so that what depends on how a source is split shows.
const SPLITS_DESIRED: usize = 3;

/// Something that happens to the pipeline from outside.
#[derive(Default)]
pub(super) struct Event {
    /// The elements that the reads give.
    pub(super) elements: BTreeMap<NodeId, Vec<Element>>,
    /// They came together, as one bundle; else each is one of its own.
    pub(super) together: bool,
    /// How far the reads have come, where that changes.
    pub(super) watermarks: BTreeMap<NodeId, Timestamp>,
    /// How much processing time has passed.
    pub(super) span_ms: i64,
    /// No time will pass any more: work that waits for some is to come to its end.
    pub(super) ending: bool,
}

/// Reads all ordinary sources, and gives the events that follow from that.
pub(super) fn read_all(graph: &Graph, runtime: &Runtime) -> Result<[Event; 2], Failure> {
    let ending = graph.script().is_none();
    let mut read = Event { ending, ..Event::default() };
    let mut ended = Event { together: true, ending, ..Event::default() };
    for id in graph.node_ids() {
        let node = graph.node(id);
        if let Op::Read(source) = &node.op
            && source.script().is_none()
        {
            read.elements.insert(id, guarded(&node.name, None, || read_one(graph, runtime, node, &**source))??);
            ended.watermarks.insert(id, Timestamp::MAX);
        }
    }
    Ok([read, ended])
}

fn read_one(graph: &Graph, runtime: &Runtime, node: &Node, source: &dyn AnySource) -> Result<Vec<Element>, Failure> {
    let failure = |origin: Option<&AnySplit>, cause: BoxError| Failure::Source {
        transform: node.name.clone(),
        origin: origin.map(ToString::to_string),
        cause,
    };
    let collection = graph.collection(node.outputs[0]);
    let mut elements = Vec::new();
    let request = SplitRequest { desired: SPLITS_DESIRED, bounded: true };
    let splits = runtime.block_on(source.splits(request)).map_err(|cause| failure(None, cause))?;
    for split in &splits {
        let opened = runtime.block_on(source.open(split.clone()));
        let mut reader = opened.map_err(|cause| failure(Some(split), cause))?;
        let mut progress = Progress::More;
        while progress == Progress::More {
            let mut bundle = collection.coder.new_bundle();
            let read = runtime.block_on(reader.read(&mut *bundle));
            progress = read.map_err(|cause| failure(Some(split), cause))?;
            element::encode(&node.name, collection, &mut *bundle, &mut elements)?;
        }
    }
    Ok(elements)
}

/// Begins event `number` of `script`, which `id` reads. The one behind the last moves the watermark to MAX.
pub(super) fn begin(graph: &Graph, id: NodeId, script: &dyn Script, number: usize) -> Result<Event, Failure> {
    let mut event = Event { together: true, ending: number == script.len(), ..Event::default() };
    match script.begin(number) {
        ScriptEvent::Elements(mut bundle) => {
            let node = graph.node(id);
            let mut elements = Vec::new();
            element::encode(&node.name, graph.collection(node.outputs[0]), &mut *bundle, &mut elements)?;
            event.elements.insert(id, elements);
        }
        ScriptEvent::Watermark(to) => {
            event.watermarks.insert(id, to);
        }
        ScriptEvent::ProcessingTime(span_ms) => event.span_ms = span_ms,
    }
    Ok(event)
}
