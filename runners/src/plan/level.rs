//! Levels: which transforms may run in the same pass.
//!
//! A grouping, a reshuffle and the look-up of a view all wait for another pass to end (in batch) or sit behind an
//! exchange (in streaming), so they stand a level higher than what they wait for. Everything else is as early as its inputs allow,
//! then moved as late as its readers allow: a source read only by a transform that waits for a view is read in that
//! transform's own pass instead of being kept in between.

use purlin_model::graph::{Graph, NodeId, Op};

use super::PlanOptions;

/// The level of every node.
pub(super) fn levels(graph: &Graph, options: PlanOptions) -> Vec<usize> {
    let mut levels = vec![0; graph.nodes.len()];
    for id in graph.node_ids() {
        let node = graph.node(id);
        let inputs = node.inputs.iter().map(|input| levels[graph.collection(*input).producer.0]).max().unwrap_or(0);
        let views = node.views.iter().map(|view| levels[view.0] + 1).max().unwrap_or(0);
        levels[id.0] = (inputs + usize::from(options.is_boundary(&node.op))).max(views);
    }
    for id in graph.node_ids().rev() {
        if matches!(graph.node(id).op, Op::View(_) | Op::Write(_)) {
            continue;
        }
        if let Some(latest) = latest_level(graph, options, &levels, id) {
            levels[id.0] = levels[id.0].max(latest);
        }
    }
    levels
}

impl PlanOptions {
    /// Whether a node starts a stage of its own: what comes in is exchanged first, or waits.
    pub(super) fn is_boundary(self, op: &Op) -> bool {
        match op {
            Op::Group(_) | Op::Stateful(_) | Op::Reshuffle => true,
            Op::Async(_) => self.fused_calls.is_none(),
            _ => false,
        }
    }
}

/// The latest level at which the node's readers still get its output within their own level.
fn latest_level(graph: &Graph, options: PlanOptions, levels: &[usize], id: NodeId) -> Option<usize> {
    let readers = graph.node(id).outputs.iter().flat_map(|output| graph.consumers(*output));
    readers.map(|reader| levels[reader.0] - usize::from(options.is_boundary(&graph.node(reader).op))).min()
}
