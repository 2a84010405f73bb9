//! Cutting a graph into stages.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use purlin_model::graph::{CollectionId, Graph, Join, NodeId, Op};
use purlin_model::kernel::{AsyncKernel, Form, OperatorFactory};
use purlin_model::window::Windowing;

use super::level::levels;
use super::{Exit, ExitKind, Head, HeadKind, KeyedWork, Plan, Route, Stage, StageId, Step, Target, Work};

/// What a runner wants of its plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanOptions {
    /// Combine before shuffles where that can't be observed. A runner whose shuffle combines by itself does without.
    pub lift: bool,
    /// Hold the right side of joins in memory where nothing but their end tells when a window is complete.
    pub hold_joined: bool,
    /// Makes operators of asynchronous work, which is fused then. A runner without one makes the calls in front of a stage.
    pub fused_calls: Option<fn(Arc<dyn AsyncKernel>) -> Arc<dyn OperatorFactory>>,
}

impl Plan {
    /// Plans `graph`.
    pub fn new(graph: Graph, options: PlanOptions) -> Plan {
        let held = if options.hold_joined { held_joins(&graph) } else { Vec::new() };
        let graph = Arc::new(graph.with_held_sides(&held));
        let stage_of = stages_of(&graph, options);
        let count = stage_of.iter().flatten().map(|stage| stage.0 + 1).max().unwrap_or(0);
        let stages = (0..count)
            .map(|index| Arc::new(StageBuilder::new(&graph, &stage_of, StageId(index), options).build()))
            .collect();
        Plan { graph, stages }
    }
}

/// Joins of which a bounded input says all that matters: each window is emitted once, at the end.
fn held_joins(graph: &Graph) -> Vec<Join> {
    let fits = |join: &&Join| {
        let Some(windowing) = graph.windowing_of(join) else { return false };
        // Windows that hang on elements cannot be looked up; and of a bounded collection nothing is late.
        let without_lateness = Windowing { allowed_lateness_ms: None, ..windowing.clone() };
        !windowing.function.needs_element() && without_lateness.fires_once_at_the_end()
    };
    graph.joins.iter().filter(fits).cloned().collect()
}

/// The stage of every node that has one: connected by edges within one level. Numbered by level, so that feeders come first.
fn stages_of(graph: &Graph, options: PlanOptions) -> Vec<Option<StageId>> {
    let levels = levels(graph, options);
    let mut group: Vec<usize> = (0..graph.nodes.len()).collect();
    fn root(group: &mut [usize], mut node: usize) -> usize {
        while group[node] != node {
            group[node] = group[group[node]];
            node = group[node];
        }
        node
    }
    for id in graph.node_ids().filter(|id| !options.is_boundary(&graph.node(*id).op)) {
        for input in &graph.node(id).inputs {
            let producer = graph.collection(*input).producer;
            if levels[producer.0] == levels[id.0] {
                let (a, b) = (root(&mut group, producer.0), root(&mut group, id.0));
                group[a.max(b)] = a.min(b);
            }
        }
    }
    let roots: Vec<usize> = (0..group.len()).map(|node| root(&mut group, node)).collect();
    let is_done = |node: &usize| !graph.nodes[*node].is_left_out();
    let ordered: BTreeSet<(usize, usize)> =
        (0..roots.len()).filter(is_done).map(|node| (levels[roots[node]], roots[node])).collect();
    let number: HashMap<usize, usize> = ordered.iter().enumerate().map(|(number, (_, root))| (*root, number)).collect();
    roots.iter().map(|root| number.get(root).copied().map(StageId)).collect()
}

struct StageBuilder<'a> {
    graph: &'a Graph,
    stage_of: &'a [Option<StageId>],
    id: StageId,
    options: PlanOptions,
    steps: Vec<Step>,
    step_of: HashMap<NodeId, usize>,
    exits: Vec<Exit>,
    exit_of: HashMap<ExitKey, usize>,
}

/// What makes two exits one.
#[derive(PartialEq, Eq, Hash)]
enum ExitKey {
    Node(NodeId),
    Hand(CollectionId, StageId),
}

impl<'a> StageBuilder<'a> {
    fn new(graph: &'a Graph, stage_of: &'a [Option<StageId>], id: StageId, options: PlanOptions) -> Self {
        StageBuilder {
            graph,
            stage_of,
            id,
            options,
            steps: Vec::new(),
            step_of: HashMap::new(),
            exits: Vec::new(),
            exit_of: HashMap::new(),
        }
    }

    fn build(mut self) -> Stage {
        let nodes: Vec<NodeId> = self.graph.node_ids().filter(|id| self.stage_of[id.0] == Some(self.id)).collect();
        for id in &nodes {
            self.add_step(*id);
        }
        for id in &nodes {
            if let Some(step) = self.step_of.get(id).copied() {
                for (port, output) in self.graph.node(*id).outputs.iter().enumerate() {
                    let targets = self.targets(*output);
                    self.steps[step].outputs[port].targets = targets;
                }
            }
        }
        let heads = self.heads(&nodes);
        self.note_ways(&heads);
        let name = self.name(&nodes);
        Stage { id: self.id, name, heads, steps: self.steps, exits: self.exits }
    }

    fn add_step(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let work = match (&node.op, self.options.fused_calls) {
            (Op::ParDo(factory), _) => Work::ParDo(factory.clone()),
            (Op::Async(kernel), Some(fused)) => Work::ParDo(fused(kernel.clone())),
            (Op::Window { reassign: true }, _) => {
                Work::Assign(self.graph.collection(node.outputs[0]).windowing.clone())
            }
            _ => return,
        };
        let coder_of = |collection: &CollectionId| self.graph.collection(*collection).coder.clone();
        let outputs =
            node.outputs.iter().map(|output| Route { coder: coder_of(output), targets: Vec::new() }).collect();
        self.step_of.insert(id, self.steps.len());
        self.steps.push(Step {
            name: node.name.clone(),
            work,
            views: node.views.clone(),
            input: coder_of(&node.inputs[0]),
            outputs,
        });
    }

    /// The stage's heads: its own sources and groupings, then what other stages hand in.
    fn heads(&mut self, nodes: &[NodeId]) -> Vec<Head> {
        let mut heads = Vec::new();
        for id in nodes {
            let node = self.graph.node(*id);
            let kind = match &node.op {
                Op::Read(_) => HeadKind::Read(*id),
                Op::Group(_) | Op::Stateful(_) => {
                    let windowing = self.graph.collection(node.inputs[0]).windowing.clone();
                    HeadKind::Keyed { node: *id, work: self.keyed_work(*id), windowing, views: node.views.clone() }
                }
                Op::Reshuffle => HeadKind::Handed { collection: node.outputs[0] },
                Op::Async(kernel) if self.options.is_boundary(&node.op) => {
                    HeadKind::Calls { node: *id, kernel: kernel.clone() }
                }
                _ => continue,
            };
            heads.push(self.head(kind, &node.outputs));
        }
        let handed: BTreeSet<CollectionId> = nodes
            .iter()
            .filter(|id| !self.options.is_boundary(&self.graph.node(**id).op))
            .flat_map(|id| self.graph.node(*id).inputs.iter().copied())
            .filter(|input| self.stage_of[self.graph.collection(*input).producer.0] != Some(self.id))
            .collect();
        for collection in handed {
            heads.push(self.head(HeadKind::Handed { collection }, &[collection]));
        }
        heads
    }

    fn head(&mut self, kind: HeadKind, collections: &[CollectionId]) -> Head {
        let name = self.graph.node(self.graph.collection(collections[0]).producer).name.clone();
        let outputs = collections.iter().map(|collection| {
            let coder = self.graph.collection(*collection).coder.clone();
            Route { coder, targets: self.targets(*collection) }
        });
        let outputs = outputs.collect();
        Head { name, kind, outputs }
    }

    /// Where the elements of `collection` go from within this stage.
    fn targets(&mut self, collection: CollectionId) -> Vec<Target> {
        let mut targets = Vec::new();
        let producer_here = self.stage_of[self.graph.collection(collection).producer.0] == Some(self.id);
        let consumers: Vec<NodeId> = self.graph.consumers(collection).collect();
        for id in consumers {
            let node = self.graph.node(id);
            let here = self.stage_of[id.0] == Some(self.id);
            match &node.op {
                // Another stage handed the collection in: what it does itself with it is its own business.
                _ if !here && !producer_here => {}
                Op::Group(_) | Op::Stateful(_) if producer_here => targets.push(self.shuffle(id, collection)),
                Op::Reshuffle if producer_here => {
                    targets.push(self.exit(ExitKey::Node(id), ExitKind::Spread(node.outputs[0]), collection));
                }
                Op::Async(_) if producer_here && self.options.is_boundary(&node.op) => {
                    targets.push(self.exit(ExitKey::Node(id), ExitKind::Calls(id), collection));
                }
                op if self.options.is_boundary(op) => {}
                _ if !here => {
                    let Some(to) = self.stage_of[id.0] else { continue };
                    targets.push(self.exit(
                        ExitKey::Hand(collection, to),
                        ExitKind::Hand { collection, to },
                        collection,
                    ));
                }
                // A flatten that reads one collection twice gives each element twice.
                Op::Flatten | Op::Window { reassign: false } => {
                    let times = node.inputs.iter().filter(|input| **input == collection).count();
                    let inner = self.targets(node.outputs[0]);
                    for _ in 0..times {
                        targets.extend(&inner);
                    }
                    continue;
                }
                Op::View(_) => targets.push(self.exit(ExitKey::Node(id), ExitKind::View(id), collection)),
                Op::Write(_) => targets.push(self.exit(ExitKey::Node(id), ExitKind::Write(id), collection)),
                Op::ParDo(_) | Op::Async(_) | Op::Window { .. } => targets.push(Target::Step(self.step_of[&id])),
                Op::Read(_) | Op::Group(_) | Op::Stateful(_) | Op::Reshuffle => {}
            }
        }
        // Two readers in one other stage share a hand-over.
        let mut seen_hand = BTreeSet::new();
        targets.retain(|target| match target {
            Target::Exit(exit) if matches!(self.exits[*exit].kind, ExitKind::Hand { collection: c, .. } if c == collection) => {
                seen_hand.insert(*exit)
            }
            _ => true,
        });
        targets
    }

    fn shuffle(&mut self, id: NodeId, collection: CollectionId) -> Target {
        let node = self.graph.node(id);
        let work = self.keyed_work(id);
        let exit = self.exit(ExitKey::Node(id), ExitKind::Shuffle { node: id, work: work.clone() }, collection);
        let KeyedWork::Group { form: Form::Lifted, kernel, .. } = work else { return exit };
        let Target::Exit(index) = exit else { unreachable!("exits are targets") };
        self.exits[index].coder = kernel.lifted_coder();
        let step = *self.step_of.entry(id).or_insert_with(|| {
            self.steps.push(Step {
                name: node.name.clone(),
                work: Work::Lift(kernel.clone()),
                views: Vec::new(),
                input: self.graph.collection(collection).coder.clone(),
                outputs: vec![Route { coder: kernel.lifted_coder(), targets: vec![exit] }],
            });
            self.steps.len() - 1
        });
        Target::Step(step)
    }

    /// What is done by key at a node, and whether what is shuffled to it is combined before.
    fn keyed_work(&self, id: NodeId) -> KeyedWork {
        let node = self.graph.node(id);
        match &node.op {
            Op::Stateful(kernel) => {
                let input = self.graph.collection(node.inputs[0]).coder.clone();
                KeyedWork::Stateful { kernel: kernel.clone(), input }
            }
            Op::Group(kernel) => {
                let windowing = &self.graph.collection(node.inputs[0]).windowing;
                // What is dropped as late comes out as it came in.
                let late_output = node.outputs.len() > 1;
                let lifted =
                    self.options.lift && kernel.is_liftable() && windowing.fires_once_at_the_end() && !late_output;
                let form = if lifted { Form::Lifted } else { Form::Raw };
                KeyedWork::Group { form, kernel: kernel.clone(), late_output }
            }
            _ => unreachable!("only groupings and stateful transforms work by key"),
        }
    }

    fn exit(&mut self, key: ExitKey, kind: ExitKind, collection: CollectionId) -> Target {
        let exits = &mut self.exits;
        let coder = self.graph.collection(collection).coder.clone();
        let index = *self.exit_of.entry(key).or_insert_with(|| {
            exits.push(Exit { kind, coder, heads: Vec::new(), steps: Vec::new() });
            exits.len() - 1
        });
        Target::Exit(index)
    }

    /// Notes for each exit which heads and steps lead to it.
    fn note_ways(&mut self, heads: &[Head]) {
        for (number, head) in heads.iter().enumerate() {
            let mut steps = BTreeSet::new();
            let mut exits = BTreeSet::new();
            let mut open: Vec<Target> = head.outputs.iter().flat_map(|output| &output.targets).copied().collect();
            while let Some(target) = open.pop() {
                match target {
                    Target::Exit(exit) => {
                        exits.insert(exit);
                    }
                    Target::Step(step) => {
                        if steps.insert(step) {
                            open.extend(self.steps[step].outputs.iter().flat_map(|output| output.targets.iter()));
                        }
                    }
                }
            }
            for exit in exits {
                self.exits[exit].heads.push(number);
            }
        }
        for exit in 0..self.exits.len() {
            let steps = (0..self.steps.len()).filter(|step| self.leads_to(*step, exit)).collect();
            self.exits[exit].steps = steps;
        }
    }

    /// Whether what a step makes can leave by `exit`.
    fn leads_to(&self, step: usize, exit: usize) -> bool {
        self.steps[step].outputs.iter().flat_map(|output| &output.targets).any(|target| match *target {
            Target::Exit(other) => other == exit,
            Target::Step(next) => self.leads_to(next, exit),
        })
    }

    fn name(&self, nodes: &[NodeId]) -> String {
        let shown = |id: &&NodeId| !matches!(self.graph.node(**id).op, Op::Window { .. });
        nodes.iter().filter(shown).map(|id| self.graph.node(*id).name.as_str()).collect::<Vec<_>>().join(" + ")
    }
}
