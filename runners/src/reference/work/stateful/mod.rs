//! A stateful `DoFn` (SEMANTICS §8): an instance of its own for each key and window, told of one element or one timer at a time.
//!
//! After each bundle, and when a clock has moved, all instances are looked through for what is due first, until nothing is. In its turn the
//! transform takes its elements, then the watermark with the event timers and expiries that it brings, then processing-time timers.

mod calling;
mod firing;
mod instance;

use std::collections::BTreeMap;

use purlin_model::kernel::StatefulKernel;
use purlin_model::window::Window;
use purlin_model::{DropCause, Failure, Timestamp};

use self::calling::Calls;
use self::instance::Instance;
use super::{Outputs, Place, Turn, Work};
use crate::reference::Dropped;
use crate::reference::element::Element;
use crate::reference::machine::KeyBytes;

/// Which instance.
type Owner = (KeyBytes, Window);

/// One stateful transform.
pub(super) struct Stateful<'a> {
    place: Place<'a>,
    kernel: &'a dyn StatefulKernel,
    lateness_ms: i64,
    instances: BTreeMap<Owner, Instance>,
    /// Elements whose side inputs are not ready.
    waiting: Vec<Element>,
    /// The input watermark, which what is waiting holds back.
    input_watermark: Timestamp,
    /// The same as it is [seen](Self::seen).
    watermark: Timestamp,
    output_watermark: Timestamp,
    now_ms: i64,
    dropped: Dropped,
}

impl<'a> Stateful<'a> {
    pub(super) fn new(place: Place<'a>, kernel: &'a dyn StatefulKernel) -> Self {
        Stateful {
            place,
            kernel,
            lateness_ms: place.input(0).windowing.lateness_ms(),
            instances: BTreeMap::new(),
            waiting: Vec::new(),
            input_watermark: Timestamp::MIN,
            watermark: Timestamp::MIN,
            output_watermark: Timestamp::MIN,
            now_ms: 0,
            dropped: Dropped::default(),
        }
    }

    fn take(&mut self, element: &Element, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let is_sorted = self.kernel.spec().time_sorted_input;
        let is_too_late = is_sorted && self.watermark > element.timestamp;
        if element.window.gc(self.lateness_ms) < self.watermark || is_too_late {
            return self.drop(element, calls);
        }
        let owner = self.owner(element)?;
        match self.instances.get_mut(&owner) {
            Some(instance) if is_sorted => {
                instance.unsorted.push(element.clone());
                Ok(())
            }
            _ => self.process(&owner, element, calls),
        }
    }

    /// Whose element it is; a new instance is set up.
    fn owner(&mut self, element: &Element) -> Result<Owner, Failure> {
        let mut key = Vec::new();
        let encoded = self.kernel.encode_key(&*self.place.decode([element])?, 0, &mut key);
        encoded.map_err(|cause| self.place.failure(format!("a key cannot be encoded: {cause}").into()))?;
        let owner = (key, element.window);
        if !self.instances.contains_key(&owner) {
            let mut run = self.kernel.run();
            run.setup().map_err(|cause| self.place.failure(cause))?;
            self.instances.insert(owner.clone(), Instance::new(run));
        }
        Ok(owner)
    }

    fn drop(&mut self, element: &Element, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        self.dropped.count(DropCause::Late);
        if self.kernel.spec().late_output {
            let last = calls.outputs.made.len() - 1;
            let mut out = calls.outputs.new_bundle(last);
            self.kernel.drop_into(&mut *self.place.decode([element])?, DropCause::Late, &mut *out);
            calls.outputs.take(last, &mut *out)?;
        }
        Ok(())
    }

    /// With sorted input everything waits for what may still come first: the transform goes by the watermark less the lateness.
    fn seen(&self, watermark: Timestamp) -> Timestamp {
        let waits = self.kernel.spec().time_sorted_input && watermark < Timestamp::MAX;
        if waits { watermark.saturating_add_millis(-self.lateness_ms) } else { watermark }
    }

    /// After a bundle, and after all that a clock's move has brought: as far as timers, elements that wait and expiries to be told let it.
    fn move_output_watermark(&mut self) {
        let told_of_expiry = self.kernel.spec().on_window_expiration;
        let holds = self.instances.iter().flat_map(|((_, window), instance)| {
            let expiry = (told_of_expiry && !instance.run.is_empty()).then(|| window.max_timestamp());
            instance.holds().chain(expiry)
        });
        let held = holds.min().unwrap_or(Timestamp::MAX);
        self.output_watermark = self.output_watermark.max(self.input_watermark.min(held));
    }
}

impl Work for Stateful<'_> {
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        let calls = &mut Calls { sides: turn.sides(self.place.node), ending: turn.ending, outputs };
        self.now_ms = turn.now_ms;
        let (ready, waiting) = turn.part_ready(self.place.node, std::mem::take(&mut self.waiting));
        self.waiting = waiting;
        for bundle in turn.bundles(&ready) {
            bundle.iter().try_for_each(|element| self.take(element, calls))?;
            self.fire_event_timers(calls)?;
            self.move_output_watermark();
        }
        let held = self.waiting.iter().map(|element| element.timestamp).min().unwrap_or(Timestamp::MAX);
        self.input_watermark = self.input_watermark.max(turn.watermark.min(held));
        self.watermark = self.seen(self.input_watermark);
        self.follow_watermark(calls)?;
        self.move_output_watermark();
        self.fire_processing_timers(calls)?;
        // Work that is done now may have kept the watermark from being seen.
        self.follow_watermark(calls)?;
        self.move_output_watermark();
        Ok(())
    }

    fn output_watermark(&self) -> Timestamp {
        self.output_watermark
    }

    fn pending_ms(&self) -> Option<i64> {
        self.processing_timers().first().map(|(timer, _)| timer.at_ms)
    }

    fn dropped(&self) -> Dropped {
        self.dropped
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let mut all = self.instances.values_mut();
        all.try_for_each(|instance| instance.run.teardown()).map_err(|cause| self.place.failure(cause))
    }
}
