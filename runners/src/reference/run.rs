//! A run: each event is carried through all nodes, in topological order, before the next begins (SEMANTICS §11).
//!
//! In one event a node has one turn: it is given what its inputs have made in this event and how far they have come, and makes what its
//! own outputs hold in this event. So what stands downstream of it sees all of that at once.

use std::collections::BTreeMap;

use purlin_model::graph::{CollectionId, Graph, Node, NodeId, Op};
use purlin_model::{Failure, Timestamp};
use tokio::runtime::Runtime;

use super::Report;
use super::element::Element;
use super::events::{self, Event};
use super::sinks::Sinks;
use super::views::View;
use super::work::{self, Outputs, Turn, Work};
use crate::user_code::guarded;

/// All nodes at work, and how far each collection has come.
pub(super) struct Run<'a, 's, 'r> {
    graph: &'a Graph,
    sinks: &'s mut Sinks<'r>,
    now_ms: i64,
    works: BTreeMap<NodeId, Box<dyn Work + 'a>>,
    views: BTreeMap<NodeId, View<'a>>,
    /// What each collection has got in the event at hand.
    made: BTreeMap<CollectionId, Vec<Element>>,
    watermarks: BTreeMap<CollectionId, Timestamp>,
    /// The earliest processing time that something waits for on the way to each collection.
    pending_ms: BTreeMap<CollectionId, i64>,
}

impl<'a, 's, 'r> Run<'a, 's, 'r> {
    /// Runs `graph` from its first event to its last; the sinks have everything staged then.
    pub(super) fn of(graph: &'a Graph, runtime: &'a Runtime, sinks: &'s mut Sinks<'r>) -> Result<Report, Failure> {
        let mut run = Run::new(graph, runtime, sinks)?;
        for event in events::read_all(graph, runtime)? {
            run.event(event)?;
        }
        if let Some((id, script)) = graph.script() {
            for number in 0..=script.len() {
                run.event(events::begin(graph, id, script, number)?)?;
            }
        }
        run.finish()
    }

    fn new(graph: &'a Graph, runtime: &'a Runtime, sinks: &'s mut Sinks<'r>) -> Result<Self, Failure> {
        let (mut works, mut views) = (BTreeMap::new(), BTreeMap::new());
        for id in graph.node_ids() {
            let node = graph.node(id);
            if let Op::View(kernel) = &node.op {
                views.insert(id, View::new(graph, node, &**kernel));
            } else if let Some(work) = guarded(&node.name, None, || work::begin(graph, node, runtime))?? {
                works.insert(id, work);
            }
        }
        let (made, watermarks, pending_ms) = Default::default();
        Ok(Run { graph, sinks, now_ms: 0, works, views, made, watermarks, pending_ms })
    }

    fn event(&mut self, event: Event) -> Result<(), Failure> {
        self.now_ms += event.span_ms;
        self.made.clear();
        for id in self.graph.node_ids() {
            let node = self.graph.node(id);
            guarded(&node.name, None, || self.turn(id, node, &event))??;
        }
        Ok(())
    }

    fn turn(&mut self, id: NodeId, node: &'a Node, event: &Event) -> Result<(), Failure> {
        let nothing = Vec::new();
        let inputs: Vec<&[Element]> =
            node.inputs.iter().map(|input| &self.made.get(input).unwrap_or(&nothing)[..]).collect();
        let watermarks = node.inputs.iter().map(|input| self.watermarks.get(input).copied().unwrap_or(Timestamp::MIN));
        let watermark = watermarks.min().unwrap_or(Timestamp::MIN);
        let pending_ms = node.inputs.iter().filter_map(|input| self.pending_ms.get(input)).min().copied();

        let mut outputs = Outputs::new(self.graph, node);
        let (reached, pending_ms) = match &node.op {
            Op::Read(_) => {
                outputs.made[0] = event.elements.get(&id).cloned().unwrap_or_default();
                (event.watermarks.get(&id).copied().unwrap_or(Timestamp::MIN), None)
            }
            Op::Write(_) => return self.sinks.write(self.graph, node, inputs[0]),
            Op::View(_) => {
                return self.views.get_mut(&id).map_or(Ok(()), |view| view.take(node, inputs[0], watermark));
            }
            _ => {
                let Some(work) = self.works.get_mut(&id) else { return Ok(()) };
                let (together, ending, now_ms, views) = (event.together, event.ending, self.now_ms, &self.views);
                let synchronized_ms = pending_ms.map_or(now_ms, |pending_ms| pending_ms.min(now_ms));
                work.turn(&Turn { inputs, together, watermark, now_ms, synchronized_ms, ending, views }, &mut outputs)?;
                (work.output_watermark(), work.pending_ms().into_iter().chain(pending_ms).min())
            }
        };
        for (output, made) in node.outputs.iter().zip(outputs.made) {
            self.made.insert(*output, made);
            let at = self.watermarks.entry(*output).or_insert(Timestamp::MIN);
            *at = reached.max(*at);
            match pending_ms {
                Some(pending_ms) => self.pending_ms.insert(*output, pending_ms),
                None => self.pending_ms.remove(output),
            };
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Report, Failure> {
        let mut report = Report::default();
        for (id, work) in &mut self.works {
            let name = &self.graph.node(*id).name;
            guarded(name, None, || work.finish())??;
            let dropped = work.dropped();
            if dropped != Default::default() {
                report.dropped.insert(name.clone(), dropped);
            }
        }
        self.sinks.stage()?;
        Ok(report)
    }
}
