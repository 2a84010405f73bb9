//! A `DoFn`: one instance sees every element, bundle by bundle (SEMANTICS §10). What it looks up may have to come first (§9).

use purlin_model::kernel::{Operator, OperatorFactory, SideInputs};
use purlin_model::{Failure, Timestamp};

use super::{Outputs, Place, Turn, Work};
use crate::reference::element::Element;
use crate::user_code::guarded;

/// The instance, and the elements whose side inputs are not ready.
pub(super) struct ParDo<'a> {
    place: Place<'a>,
    operator: Box<dyn Operator>,
    waiting: Vec<Element>,
    watermark: Timestamp,
    torn_down: bool,
}

/// After a failure too, for what it holds open is to be closed; if that fails as well, the first failure is the news.
impl Drop for ParDo<'_> {
    fn drop(&mut self) {
        if !self.torn_down {
            let _ = guarded(&self.place.node.name, None, || self.operator.teardown());
        }
    }
}

impl<'a> ParDo<'a> {
    pub(super) fn new(place: Place<'a>, factory: &dyn OperatorFactory) -> Result<Self, Failure> {
        let operator = factory.create();
        let mut par_do = ParDo { place, operator, waiting: Vec::new(), watermark: Timestamp::MIN, torn_down: false };
        par_do.operator.setup().map_err(|cause| par_do.place.failure(cause))?;
        Ok(par_do)
    }

    fn bundle(&mut self, elements: &[Element], sides: &SideInputs, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        let mut input = self.place.decode(elements)?;
        let mut bundles: Vec<_> = (0..outputs.made.len()).map(|i| outputs.new_bundle(i)).collect();
        let mut called = || {
            self.operator.start_bundle()?;
            self.operator.process(&mut *input, sides, &mut bundles)?;
            self.operator.finish_bundle(&mut bundles)
        };
        called().map_err(|cause| self.place.failure(cause))?;
        bundles.iter_mut().enumerate().try_for_each(|(i, bundle)| outputs.take(i, &mut **bundle))
    }
}

impl Work for ParDo<'_> {
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        let (ready, waiting) = turn.part_ready(self.place.node, std::mem::take(&mut self.waiting));
        self.waiting = waiting;
        let sides = turn.sides(self.place.node);
        for elements in turn.bundles(&ready) {
            self.bundle(elements, &sides, outputs)?;
        }
        self.watermark = turn.watermark;
        Ok(())
    }

    /// What waits holds it back.
    fn output_watermark(&self) -> Timestamp {
        let waiting = self.waiting.iter().map(|element| element.timestamp);
        waiting.chain([self.watermark]).min().unwrap_or(self.watermark)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.torn_down = true;
        self.operator.teardown().map_err(|cause| self.place.failure(cause))
    }
}
