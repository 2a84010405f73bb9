//! Nodes at work: what each operation makes of one event.

mod calls;
mod group;
mod par_do;
mod same;
mod stateful;

use std::collections::BTreeMap;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::{Collection, Graph, Node, NodeId, Op};
use purlin_model::kernel::SideInputs;
use purlin_model::{BoxError, Failure, Timestamp};
use tokio::runtime::Runtime;

use super::Dropped;
use super::element::{self, Element};
use super::views::View;

/// A node that turns elements into elements, from its setup to its teardown.
pub(super) trait Work {
    /// Takes the elements of one event, then the watermark, then the processing time, and makes what follows from them.
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure>;
    /// Nothing earlier will be made.
    fn output_watermark(&self) -> Timestamp;
    /// The earliest processing time that it waits for.
    fn pending_ms(&self) -> Option<i64> {
        None
    }
    /// What it has dropped.
    fn dropped(&self) -> Dropped {
        Dropped::default()
    }
    /// After the last event.
    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// A node's turn in one event.
pub(super) struct Turn<'a> {
    /// What each of its inputs has made in this event.
    pub(super) inputs: Vec<&'a [Element]>,
    /// These elements are one bundle; else each is one of its own.
    pub(super) together: bool,
    /// The least of its inputs' watermarks.
    pub(super) watermark: Timestamp,
    /// The processing time.
    pub(super) now_ms: i64,
    /// The smaller of that and the earliest processing time that something upstream waits for.
    pub(super) synchronized_ms: i64,
    /// An end is wanted: no time will pass any more.
    pub(super) ending: bool,
    /// All views.
    pub(super) views: &'a BTreeMap<NodeId, View<'a>>,
}

impl Turn<'_> {
    /// What has come for `node` and what has `waited`, parted by whether the side inputs of its window are ready (SEMANTICS §9).
    fn part_ready(&self, node: &Node, waited: Vec<Element>) -> (Vec<Element>, Vec<Element>) {
        let is_ready = |element: &Element| node.views.iter().all(|view| self.views[view].is_ready(element.window));
        waited.into_iter().chain(self.inputs[0].iter().cloned()).partition(is_ready)
    }

    /// What `node` looks up.
    fn sides(&self, node: &Node) -> SideInputs {
        SideInputs::new(node.views.iter().map(|view| (*view, self.views[view].table())).collect())
    }

    /// `elements` as the bundles that they come in.
    fn bundles<'e>(&self, elements: &'e [Element]) -> impl Iterator<Item = &'e [Element]> {
        elements.chunks(if self.together { elements.len().max(1) } else { 1 })
    }
}

/// The work of `node`, set up; none for reads, writes and views, which a run has apart.
pub(super) fn begin<'a>(
    graph: &'a Graph,
    node: &'a Node,
    runtime: &'a Runtime,
) -> Result<Option<Box<dyn Work + 'a>>, Failure> {
    let place = Place { graph, node };
    Ok(Some(match &node.op {
        Op::Read(_) | Op::Write(_) | Op::View(_) => return Ok(None),
        Op::ParDo(factory) => Box::new(par_do::ParDo::new(place, &**factory)?),
        Op::Async(kernel) => Box::new(calls::Calls::new(place, &**kernel, runtime)?),
        Op::Window { reassign } => Box::new(same::Same::new(place, *reassign)),
        Op::Flatten | Op::Reshuffle => Box::new(same::Same::new(place, false)),
        Op::Group(grouping) => Box::new(group::Group::new(place, &**grouping)),
        Op::Stateful(kernel) => Box::new(stateful::Stateful::new(place, &**kernel)),
    }))
}

/// Where a work stands in the graph.
#[derive(Clone, Copy)]
struct Place<'a> {
    graph: &'a Graph,
    node: &'a Node,
}

impl<'a> Place<'a> {
    /// The node's input number `i`.
    fn input(&self, i: usize) -> &'a Collection {
        self.graph.collection(self.node.inputs[i])
    }

    /// A bundle of these elements of its first input.
    fn decode<'e>(&self, elements: impl IntoIterator<Item = &'e Element>) -> Result<Box<dyn AnyBundle>, Failure> {
        element::decode(&self.node.name, self.input(0), elements)
    }

    /// The user's code has failed.
    fn failure(&self, cause: BoxError) -> Failure {
        Failure::Transform { transform: self.node.name.clone(), origin: None, cause }
    }
}

/// What a node makes in one event, for each of its outputs.
pub(super) struct Outputs<'a> {
    name: &'a str,
    collections: Vec<&'a Collection>,
    pub(super) made: Vec<Vec<Element>>,
}

impl<'a> Outputs<'a> {
    /// Nothing yet.
    pub(super) fn new(graph: &'a Graph, node: &'a Node) -> Self {
        let collections: Vec<_> = node.outputs.iter().map(|output| graph.collection(*output)).collect();
        Outputs { name: &node.name, made: vec![Vec::new(); collections.len()], collections }
    }

    /// An empty bundle for output number `i`.
    fn new_bundle(&self, i: usize) -> Box<dyn AnyBundle> {
        self.collections[i].coder.new_bundle()
    }

    /// Takes all elements out of `bundle`, for output number `i`.
    fn take(&mut self, i: usize, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        element::encode(self.name, self.collections[i], bundle, &mut self.made[i])
    }
}
