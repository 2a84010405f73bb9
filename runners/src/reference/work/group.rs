//! A grouping: the machine, told of elements, watermarks and processing times; keys and values go through the kernel.

use std::collections::BTreeMap;

use purlin_model::bundle::ElementSides;
use purlin_model::kernel::Grouping;
use purlin_model::window::{Window, WindowSet};
use purlin_model::{Failure, Pane, Timestamp};

use super::{Outputs, Place, Turn, Work};
use crate::reference::Dropped;
use crate::reference::element::Element;
use crate::reference::machine::{Arrival, KeyBytes, Machine, Outcome};

/// One grouping.
pub(super) struct Group<'a> {
    place: Place<'a>,
    grouping: &'a dyn Grouping,
    machine: Machine<Element>,
    /// An element of each key, for its key.
    some_element: BTreeMap<KeyBytes, Element>,
    /// The watermark is at MAX.
    is_over: bool,
    dropped: Dropped,
}

impl<'a> Group<'a> {
    pub(super) fn new(place: Place<'a>, grouping: &'a dyn Grouping) -> Self {
        let machine = Machine::new(place.input(0).windowing.clone());
        let (some_element, dropped) = Default::default();
        Group { place, grouping, machine, some_element, is_over: false, dropped }
    }

    fn arrival(&mut self, element: &Element) -> Result<Arrival<Element>, Failure> {
        let key = self.key_of(element)?;
        self.some_element.entry(key.clone()).or_insert_with(|| element.clone());
        Ok(Arrival { key, timestamp: element.timestamp, window: element.window, value: element.clone() })
    }

    fn key_of(&self, element: &Element) -> Result<KeyBytes, Failure> {
        let bundle = self.place.decode([element])?;
        let mut key = Vec::new();
        let encoded = self.grouping.encode_key(&*bundle, 0, &mut key);
        encoded.map_err(|cause| self.place.failure(format!("a key cannot be encoded: {cause}").into()))?;
        Ok(key)
    }

    fn take(&mut self, outcome: Outcome<Element>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        for emission in outcome.emitted {
            let sides = sides(emission.timestamp, emission.window, emission.pane);
            let key_of = self.place.decode(self.some_element.get(&emission.key))?;
            let mut values = self.place.decode(&emission.values)?;
            let mut out = outputs.new_bundle(0);
            self.grouping.fold_one_key(&*key_of, &mut *values, sides, &mut *out);
            outputs.take(0, &mut *out)?;
        }
        for dropped in outcome.dropped {
            self.dropped.count(dropped.cause);
            if outputs.made.len() > 1 {
                let mut element = self.place.decode([&Element { window: dropped.window, ..dropped.value }])?;
                let mut out = outputs.new_bundle(1);
                self.grouping.drop_into(&mut *element, dropped.cause, &mut *out);
                outputs.take(1, &mut *out)?;
            }
        }
        Ok(())
    }

    /// What a global combine gives for an input without elements, as if the global window had fired.
    fn take_empty_result(&mut self, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        let mut out = outputs.new_bundle(0);
        let sides = sides(Timestamp::GLOBAL_MAX, Window::GLOBAL, Pane::ON_TIME_AND_ONLY);
        self.grouping.empty_result(sides, &mut *out);
        outputs.take(0, &mut *out)
    }
}

impl Work for Group<'_> {
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        for bundle in turn.bundles(turn.inputs[0]) {
            let arrivals = bundle.iter().map(|element| self.arrival(element)).collect::<Result<Vec<_>, _>>()?;
            let outcome = self.machine.bundle(arrivals, turn.now_ms);
            self.take(outcome, outputs)?;
        }
        let outcome = self.machine.advance_watermark(turn.watermark);
        self.take(outcome, outputs)?;
        if turn.watermark == Timestamp::MAX && !self.is_over {
            self.is_over = true;
            if self.some_element.is_empty() {
                self.take_empty_result(outputs)?;
            }
        }
        let outcome = self.machine.advance_processing_time(turn.now_ms, turn.synchronized_ms);
        self.take(outcome, outputs)
    }

    fn output_watermark(&self) -> Timestamp {
        self.machine.output_watermark()
    }

    fn pending_ms(&self) -> Option<i64> {
        self.machine.pending_ms()
    }

    fn dropped(&self) -> Dropped {
        self.dropped
    }
}

fn sides(timestamp: Timestamp, window: Window, pane: Pane) -> ElementSides {
    ElementSides { timestamp, windows: WindowSet::one(window), pane }
}
