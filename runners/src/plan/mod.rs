//! The plan: a graph cut into stages.
//!
//! A stage is what one worker runs on a bundle without handing it to anyone: element-wise transforms, fused. Bundles
//! enter it at *heads* (a source, a grouping, another stage) and leave it at *exits* (a shuffle, a view, a sink). Stages are cut
//! at groupings and reshuffles, and before a transform whose side input would otherwise come from its own stage.
//! Flattens need no step: what goes into one goes wherever its output goes.
//!
//! Planning is pure, and prints itself: see [`Plan::explain`].

mod build;
mod explain;
mod feeds;
mod keyed;
mod level;

pub use build::PlanOptions;
pub use explain::Promise;
pub use feeds::{ExitOf, HeadOf};
pub use keyed::KeyedWork;

use std::sync::Arc;

use purlin_model::coder::AnyCoder;
use purlin_model::graph::{CollectionId, Graph, NodeId};
use purlin_model::kernel::{AsyncKernel, Grouping, OperatorFactory};
use purlin_model::window::Windowing;

/// A stage's index in [`Plan::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub usize);

/// Stages in an order in which each comes after those that feed it.
pub struct Plan {
    /// What was planned.
    pub graph: Arc<Graph>,
    /// The stages.
    pub stages: Vec<Arc<Stage>>,
}

/// Transforms that run together.
pub struct Stage {
    /// Its place in the plan.
    pub id: StageId,
    /// Its transforms' names, joined: for status lines and logs.
    pub name: String,
    /// Where bundles enter.
    pub heads: Vec<Head>,
    /// What happens to them, inputs before what reads them.
    pub steps: Vec<Step>,
    /// Where they leave.
    pub exits: Vec<Exit>,
}

/// Where bundles enter a stage.
pub struct Head {
    /// The transform that they come from.
    pub name: String,
    /// How they come.
    pub kind: HeadKind,
    /// What enters the steps: one collection, or as many as a keyed transform makes.
    pub outputs: Vec<Route>,
}

impl Head {
    /// The coder of the only collection of a head that is not keyed.
    pub fn coder(&self) -> &Arc<dyn AnyCoder> {
        &self.outputs[0].coder
    }

    /// The views that work by key looks up.
    pub fn views(&self) -> &[NodeId] {
        match &self.kind {
            HeadKind::Keyed { views, .. } => views,
            _ => &[],
        }
    }

    /// An empty bundle for each collection.
    pub fn new_bundles(&self) -> Vec<Box<dyn purlin_model::bundle::AnyBundle>> {
        self.outputs.iter().map(|output| output.coder.new_bundle()).collect()
    }
}

/// How bundles enter a stage.
#[derive(Clone)]
pub enum HeadKind {
    /// From the source of this node.
    Read(NodeId),
    /// From work by key, which gets what is shuffled to this node.
    Keyed {
        /// The node.
        node: NodeId,
        /// What is done there.
        work: KeyedWork,
        /// How its input is windowed.
        windowing: Windowing,
        /// The views that it looks up.
        views: Vec<NodeId>,
    },
    /// From the calls of an asynchronous transform, which are made in front of the stage.
    Calls {
        /// The node.
        node: NodeId,
        /// What makes them.
        kernel: Arc<dyn AsyncKernel>,
    },
    /// As they come from another stage: by this reshuffle, or at a cut (then the collection alone is named).
    Handed {
        /// The collection that is handed over.
        collection: CollectionId,
    },
}

/// One fused transform.
pub struct Step {
    /// The transform's full name.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// The views that it looks up.
    pub views: Vec<NodeId>,
    /// The coder of its input.
    pub input: Arc<dyn AnyCoder>,
    /// Its outputs.
    pub outputs: Vec<Route>,
}

/// What a step does.
#[derive(Clone)]
pub enum Work {
    /// User code.
    ParDo(Arc<dyn OperatorFactory>),
    /// Gives elements their windows.
    Assign(Windowing),
    /// Combines before a shuffle.
    Lift(Arc<dyn Grouping>),
}

/// One collection on its way within a stage.
pub struct Route {
    /// Its coder.
    pub coder: Arc<dyn AnyCoder>,
    /// Where it goes.
    pub targets: Vec<Target>,
}

/// Where a bundle goes within its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the step of this index.
    Step(usize),
    /// To the exit of this index.
    Exit(usize),
}

/// Where bundles leave a stage.
pub struct Exit {
    /// How they leave.
    pub kind: ExitKind,
    /// The coder of what leaves.
    pub coder: Arc<dyn AnyCoder>,
    /// The heads whose bundles can come here: this exit's watermark is the least of theirs.
    pub heads: Vec<usize>,
    /// The steps on the way, whose waiting elements hold the watermark.
    pub steps: Vec<usize>,
}

/// How bundles leave a stage.
#[derive(Clone)]
pub enum ExitKind {
    /// To the work by key of this node, by key.
    Shuffle {
        /// The node.
        node: NodeId,
        /// What is done there.
        work: KeyedWork,
    },
    /// To the reshuffle, evenly; the collection is the reshuffle's output.
    Spread(CollectionId),
    /// To the calls of this node, on the same worker.
    Calls(NodeId),
    /// To a later stage as they are.
    Hand {
        /// What is handed over.
        collection: CollectionId,
        /// The stage that takes it.
        to: StageId,
    },
    /// To the view, on every worker.
    View(NodeId),
    /// To the sink of this node.
    Write(NodeId),
}

impl Stage {
    /// The views that are looked up anywhere in the stage, each once.
    pub fn views(&self) -> Vec<NodeId> {
        let of_heads = self.heads.iter().flat_map(|head| head.views().iter().copied());
        let of_steps = self.steps.iter().flat_map(|step| step.views.iter().copied());
        let mut views: Vec<NodeId> = of_heads.chain(of_steps).collect();
        views.sort_unstable();
        views.dedup();
        views
    }
}

impl Plan {
    /// The stage and head that take what this exit gives, where a stage does.
    pub fn taker(&self, exit: &ExitKind) -> Option<(StageId, usize)> {
        let matches = |stage: &Stage, head: &Head| match (exit, &head.kind) {
            (ExitKind::Shuffle { node, .. }, HeadKind::Keyed { node: keyed, .. }) => node == keyed,
            (ExitKind::Calls(node), HeadKind::Calls { node: calls, .. }) => node == calls,
            (ExitKind::Spread(collection), HeadKind::Handed { collection: taken }) => collection == taken,
            (ExitKind::Hand { collection, to }, HeadKind::Handed { collection: taken }) => {
                collection == taken && *to == stage.id
            }
            _ => false,
        };
        self.stages.iter().find_map(|stage| {
            let head = stage.heads.iter().position(|head| matches(stage, head))?;
            Some((stage.id, head))
        })
    }
}

#[cfg(test)]
mod tests;
