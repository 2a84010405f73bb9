//! A grouping over a bounded collection: the machine, driven by the plainest script (SEMANTICS §11).
//!
//! The watermark is at MIN while the elements come, each a bundle of its own; then it goes to MAX. Processing time stands still.

use std::collections::BTreeMap;

use purlin_model::bundle::{AnyBundle, ElementSides};
use purlin_model::graph::{Collection, Graph, Node};
use purlin_model::kernel::Grouping;
use purlin_model::window::{Window, WindowSet};
use purlin_model::{Failure, Pane, Timestamp};

use super::Dropped;
use super::element::{self, Element};
use super::machine::{Arrival, Emission, KeyBytes, Machine};

/// Groups `input`, the elements of the node's input, and says what was dropped.
pub(super) fn group(
    graph: &Graph,
    node: &Node,
    grouping: &dyn Grouping,
    input: &[Element],
) -> Result<(Vec<Element>, Dropped), Failure> {
    let [from, to] = [node.inputs[0], node.outputs[0]].map(|id| graph.collection(id));
    let mut step = Step { node, grouping, from, to, some_element: BTreeMap::new(), output: Vec::new() };
    let mut dropped = Dropped::default();
    let mut machine = Machine::new(from.windowing.clone());
    for element in input {
        let key = step.key_of(element)?;
        step.some_element.entry(key.clone()).or_insert_with(|| element.clone());
        let arrival = Arrival { key, timestamp: element.timestamp, window: element.window, value: element.clone() };
        let outcome = machine.bundle([arrival]);
        dropped.late += outcome.late.len() as u64;
        dropped.closed += outcome.closed;
        step.emit(outcome.emitted)?;
    }
    step.emit(machine.advance_watermark(Timestamp::MAX).emitted)?;
    if input.is_empty() && from.windowing.function.name() == "global" {
        step.emit_empty_result()?;
    }
    Ok((step.output, dropped))
}

struct Step<'a> {
    node: &'a Node,
    grouping: &'a dyn Grouping,
    from: &'a Collection,
    to: &'a Collection,
    /// An element of each key, for its key.
    some_element: BTreeMap<KeyBytes, Element>,
    output: Vec<Element>,
}

impl Step<'_> {
    fn key_of(&self, element: &Element) -> Result<KeyBytes, Failure> {
        let bundle = element::decode(&self.node.name, self.from, [element])?;
        let mut key = Vec::new();
        self.grouping.encode_key(&*bundle, 0, &mut key).map_err(|cause| Failure::Transform {
            transform: self.node.name.clone(),
            origin: None,
            cause: format!("a key cannot be encoded: {cause}").into(),
        })?;
        Ok(key)
    }

    fn emit(&mut self, emissions: Vec<Emission<Element>>) -> Result<(), Failure> {
        for emission in emissions {
            let sides = sides(emission.timestamp, emission.window, emission.pane);
            let key_of = element::decode(&self.node.name, self.from, self.some_element.get(&emission.key))?;
            let mut values = element::decode(&self.node.name, self.from, &emission.values)?;
            let mut out = self.to.coder.new_bundle();
            self.grouping.fold_one_key(&*key_of, &mut *values, sides, &mut *out);
            self.take(&mut *out)?;
        }
        Ok(())
    }

    /// What a global combine gives for an input without elements, as if the global window had fired.
    fn emit_empty_result(&mut self) -> Result<(), Failure> {
        let mut out = self.to.coder.new_bundle();
        let sides = sides(Timestamp::GLOBAL_MAX, Window::GLOBAL, Pane::ON_TIME_AND_ONLY);
        self.grouping.empty_result(sides, &mut *out);
        self.take(&mut *out)
    }

    fn take(&mut self, out: &mut dyn AnyBundle) -> Result<(), Failure> {
        element::encode(&self.node.name, self.to, out, &mut self.output)
    }
}

fn sides(timestamp: Timestamp, window: Window, pane: Pane) -> ElementSides {
    ElementSides { timestamp, windows: WindowSet::one(window), pane }
}
