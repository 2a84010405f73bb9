//! The graph: what a pipeline's construction leaves behind, and all that a runner sees of it.
//!
//! Nodes are transforms, edges are collections. Combine, flatten, reshuffle, read and write stay
//! recognisable [`Op`]s, so that a planner, or a foreign engine, can treat each by its meaning. A node is
//! found by its name, never by its position.

mod fingerprint;
mod join;
mod op;

pub use join::Join;
pub use op::{Op, ViewKernel};

use std::sync::Arc;

use crate::coder::AnyCoder;
use crate::metrics::Metrics;
use crate::source::Script;
use crate::window::Windowing;

/// A node's index in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A collection's index in [`Graph::collections`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId(pub usize);

/// One transform.
#[derive(Clone)]
pub struct Node {
    /// The full name: the composites it stands in, then its own, joined by `/`. Unique in the graph.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// The collections that it reads.
    pub inputs: Vec<CollectionId>,
    /// The collections that it makes.
    pub outputs: Vec<CollectionId>,
    /// The [`Op::View`] nodes whose values it looks up.
    pub views: Vec<NodeId>,
}

/// One collection.
#[derive(Clone)]
pub struct Collection {
    /// The transform that makes it.
    pub producer: NodeId,
    /// Its elements as bytes.
    pub coder: Arc<dyn AnyCoder>,
    /// How it is windowed.
    pub windowing: Windowing,
    /// Whether it ends.
    pub bounded: bool,
}

/// A checked pipeline. Nodes stand in topological order.
#[derive(Clone)]
pub struct Graph {
    /// The transforms.
    pub nodes: Vec<Node>,
    /// What they make.
    pub collections: Vec<Collection>,
    /// Joins that are spelt out among the nodes.
    pub joins: Vec<Join>,
    /// The pipeline's own metrics.
    pub metrics: Metrics,
}

impl Graph {
    /// The node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The collection with this id.
    pub fn collection(&self, id: CollectionId) -> &Collection {
        &self.collections[id.0]
    }

    /// The script that drives the pipeline, and the node that reads it, if one does.
    pub fn script(&self) -> Option<(NodeId, &dyn Script)> {
        self.node_ids().find_map(|id| match &self.node(id).op {
            Op::Read(source) => Some((id, source.script()?)),
            _ => None,
        })
    }

    /// All node ids, inputs before what reads them.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The nodes that read `collection` as a main input.
    pub fn consumers(&self, collection: CollectionId) -> impl Iterator<Item = NodeId> + '_ {
        self.node_ids().filter(move |id| self.node(*id).inputs.contains(&collection))
    }
}
