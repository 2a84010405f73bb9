//! Window, flatten and reshuffle: the same elements, though perhaps in other windows or under another coder.

use purlin_model::window::WindowFn;
use purlin_model::{Failure, Timestamp};

use super::{Outputs, Place, Turn, Work};
use crate::reference::element::{self, Element};

/// Passes elements on.
pub(super) struct Same<'a> {
    place: Place<'a>,
    reassign: bool,
    watermark: Timestamp,
}

impl<'a> Same<'a> {
    /// `reassign` asks the output's window function anew.
    pub(super) fn new(place: Place<'a>, reassign: bool) -> Self {
        Same { place, reassign, watermark: Timestamp::MIN }
    }
}

impl Work for Same<'_> {
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        for (i, elements) in turn.inputs.iter().enumerate() {
            outputs.take(0, &mut *element::decode(&self.place.node.name, self.place.input(i), *elements)?)?;
        }
        if self.reassign {
            let function = &self.place.graph.collection(self.place.node.outputs[0]).windowing.function;
            outputs.made[0] = outputs.made[0].iter().flat_map(|element| assigned(&**function, element)).collect();
        }
        self.watermark = turn.watermark;
        Ok(())
    }

    fn output_watermark(&self) -> Timestamp {
        self.watermark
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
