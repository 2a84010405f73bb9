//! Joins: composites that some runners can do in a better way than they are spelt out.

use std::ops::Range;
use std::sync::Arc;

use super::{CollectionId, Graph, Node, NodeId, Op};
use crate::kernel::JoinKernel;
use crate::window::Windowing;

/// Two collections joined. Its nodes say what that means: both sides are grouped together, and each group is made pairs. Where the right
/// side is bounded and fits in memory, the kernel does the same without a shuffle.
#[derive(Clone)]
pub struct Join {
    /// The join's full name.
    pub name: String,
    /// What passes.
    pub left: CollectionId,
    /// What is held meanwhile.
    pub right: CollectionId,
    /// The nodes that spell it out; what the last one makes is the join's output.
    pub nodes: Range<usize>,
    /// The typed side.
    pub kernel: Arc<dyn JoinKernel>,
}

impl Graph {
    /// The windowing under which the sides of a join are grouped.
    pub fn windowing_of(&self, join: &Join) -> Option<&Windowing> {
        let nodes = self.nodes[join.nodes.clone()].iter();
        let group = nodes.clone().find(|node| matches!(node.op, Op::Group(_)))?;
        Some(&self.collection(*group.inputs.first()?).windowing)
    }

    /// The same graph, in which each of `joins` is done by its kernel: a view that holds the right side, and a step that looks the left side up
    /// there. Of the nodes that spelt it out the rest stay, so that ids stay, without inputs and outputs.
    pub fn with_held_sides(mut self, joins: &[Join]) -> Graph {
        for Join { name, left, right, nodes, kernel } in joins {
            let (held, probing) = (NodeId(nodes.start), NodeId(nodes.end - 1));
            for node in &mut self.nodes[nodes.start..probing.0] {
                (node.op, node.inputs, node.outputs) = (Op::Flatten, Vec::new(), Vec::new());
            }
            let view = &mut self.nodes[held.0];
            (view.name, view.op, view.inputs) = (format!("{name}/right side"), Op::View(kernel.held()), vec![*right]);
            let pairs = &mut self.nodes[probing.0];
            (pairs.op, pairs.inputs, pairs.views) = (Op::ParDo(kernel.probing(held)), vec![*left], vec![held]);
        }
        self
    }
}

impl Node {
    /// Whether others do what it did: see [`Graph::with_held_sides`].
    pub fn is_left_out(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }
}
