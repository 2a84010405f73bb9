//! Evaluates a graph node by node: each collection is complete before anything reads it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use purlin_model::graph::{CollectionId, Graph, Node, NodeId, Op, ViewKernel};
use purlin_model::kernel::{OperatorFactory, SideInputs, ViewTable};
use purlin_model::source::{AnySource, AnySplit, Progress, SplitRequest};
use purlin_model::window::{Window, WindowFn};
use purlin_model::{BoxError, Failure};
use tokio::runtime::Runtime;

use super::element::{self, Element};
use super::group::group;
use super::sinks::Sinks;
use super::{Dropped, Report};
use crate::user_code::guarded;

/// More than one, so that what depends on how a source is split shows.
const SPLITS_DESIRED: usize = 3;

/// What has been evaluated so far.
pub(super) struct Evaluation<'a> {
    graph: &'a Graph,
    runtime: &'a Runtime,
    collections: BTreeMap<CollectionId, Vec<Element>>,
    views: BTreeMap<NodeId, Arc<ViewTable>>,
    report: Report,
}

impl<'a> Evaluation<'a> {
    /// Evaluates every node and hands the sinks what they are to write.
    pub(super) fn run(graph: &'a Graph, runtime: &'a Runtime, sinks: &mut Sinks<'_>) -> Result<Report, Failure> {
        let mut evaluation = Evaluation {
            graph,
            runtime,
            collections: BTreeMap::new(),
            views: BTreeMap::new(),
            report: Report::default(),
        };
        for id in graph.node_ids() {
            let name = &graph.node(id).name;
            guarded(name, None, || evaluation.node(id, sinks))??;
        }
        Ok(evaluation.report)
    }

    fn node(&mut self, id: NodeId, sinks: &mut Sinks<'_>) -> Result<(), Failure> {
        let node = self.graph.node(id);
        match &node.op {
            Op::Read(source) => {
                let elements = self.read(node, &**source)?;
                self.made(node, vec![elements]);
            }
            Op::ParDo(factory) => {
                let outputs = self.par_do(node, &**factory)?;
                self.made(node, outputs);
            }
            Op::Window { reassign } => {
                let mut elements = self.same_elements(node)?;
                if *reassign {
                    let function = &self.graph.collection(node.outputs[0]).windowing.function;
                    elements = elements.iter().flat_map(|element| assigned(&**function, element)).collect();
                }
                self.made(node, vec![elements]);
            }
            Op::Group(grouping) => {
                let (elements, dropped) = group(self.graph, node, &**grouping, self.input(node))?;
                if dropped != Dropped::default() {
                    self.report.dropped.insert(node.name.clone(), dropped);
                }
                self.made(node, vec![elements]);
            }
            Op::Stateful(_) => return Err(Failure::other("the reference runner has no state yet")),
            Op::Flatten | Op::Reshuffle => {
                let elements = self.same_elements(node)?;
                self.made(node, vec![elements]);
            }
            Op::View(kernel) => {
                let table = self.view(node, &**kernel)?;
                self.views.insert(id, Arc::new(table));
            }
            Op::Write(_) => sinks.write(self.graph, node, self.input(node))?,
        }
        Ok(())
    }

    fn made(&mut self, node: &Node, outputs: Vec<Vec<Element>>) {
        self.collections.extend(node.outputs.iter().copied().zip(outputs));
    }

    /// The elements of the node's only input.
    fn input(&self, node: &Node) -> &[Element] {
        &self.collections[&node.inputs[0]]
    }

    /// The elements of all inputs, as the output's coder writes them.
    fn same_elements(&self, node: &Node) -> Result<Vec<Element>, Failure> {
        let output = self.graph.collection(node.outputs[0]);
        let mut elements = Vec::new();
        for id in &node.inputs {
            let mut bundle = element::decode(&node.name, self.graph.collection(*id), &self.collections[id])?;
            element::encode(&node.name, output, &mut *bundle, &mut elements)?;
        }
        Ok(elements)
    }

    fn read(&self, node: &Node, source: &dyn AnySource) -> Result<Vec<Element>, Failure> {
        let failure = |origin: Option<&AnySplit>, cause: BoxError| Failure::Source {
            transform: node.name.clone(),
            origin: origin.map(ToString::to_string),
            cause,
        };
        let collection = self.graph.collection(node.outputs[0]);
        let mut elements = Vec::new();
        let request = SplitRequest { desired: SPLITS_DESIRED, bounded: true };
        let splits = self.runtime.block_on(source.splits(request)).map_err(|cause| failure(None, cause))?;
        for split in &splits {
            let opened = self.runtime.block_on(source.open(split.clone()));
            let mut reader = opened.map_err(|cause| failure(Some(split), cause))?;
            let mut progress = Progress::More;
            while progress == Progress::More {
                let mut bundle = collection.coder.new_bundle();
                let read = self.runtime.block_on(reader.read(&mut *bundle));
                progress = read.map_err(|cause| failure(Some(split), cause))?;
                element::encode(&node.name, collection, &mut *bundle, &mut elements)?;
            }
        }
        Ok(elements)
    }

    /// One instance sees every element, each as a bundle of its own.
    fn par_do(&self, node: &Node, factory: &dyn OperatorFactory) -> Result<Vec<Vec<Element>>, Failure> {
        let failure = |cause| Failure::Transform { transform: node.name.clone(), origin: None, cause };
        let sides = SideInputs::new(node.views.iter().map(|view| (*view, self.views[view].clone())).collect());
        let collections: Vec<_> = node.outputs.iter().map(|id| self.graph.collection(*id)).collect();
        let mut bundles: Vec<_> = collections.iter().map(|collection| collection.coder.new_bundle()).collect();
        let mut outputs = vec![Vec::new(); collections.len()];
        let mut operator = factory.create();
        operator.setup().map_err(failure)?;
        for element in self.input(node) {
            let mut input = element::decode(&node.name, self.graph.collection(node.inputs[0]), [element])?;
            operator.start_bundle().map_err(failure)?;
            operator.process(&mut *input, &sides, &mut bundles).map_err(failure)?;
            operator.finish_bundle(&mut bundles).map_err(failure)?;
            for ((collection, bundle), output) in collections.iter().zip(&mut bundles).zip(&mut outputs) {
                element::encode(&node.name, collection, &mut **bundle, output)?;
            }
        }
        operator.teardown().map_err(failure)?;
        Ok(outputs)
    }

    /// The latest value per window: a later pane replaces an earlier one (SEMANTICS §9).
    fn view(&self, node: &Node, kernel: &dyn ViewKernel) -> Result<ViewTable, Failure> {
        let collection = self.graph.collection(node.inputs[0]);
        let mut bundle = element::decode(&node.name, collection, self.input(node))?;
        let values: HashMap<Window, _> = kernel.values(&mut *bundle).into_iter().collect();
        Ok(ViewTable { function: collection.windowing.function.clone(), values, default: kernel.default_value() })
    }
}

/// The element once in each window that the function gives its timestamp (SEMANTICS §2); in none, it is dropped.
fn assigned(function: &dyn WindowFn, element: &Element) -> Vec<Element> {
    let mut windows = Vec::new();
    if !function.assign_many(element.timestamp, &mut windows) {
        windows = function.assign(element.timestamp).iter().collect();
    }
    windows.into_iter().map(|window| Element { window, ..element.clone() }).collect()
}
