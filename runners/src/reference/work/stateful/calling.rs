//! Calls of the user's code.

use purlin_model::bundle::AnyBundle;
use purlin_model::kernel::{SideInputs, StateChanges, StateClock, StatefulRun};
use purlin_model::{BoxError, Failure};

use super::instance::SetTimer;
use super::{Outputs, Owner, Stateful};
use crate::reference::element::Element;

/// What calls need in one turn.
pub(super) struct Calls<'c, 'o> {
    pub(super) sides: SideInputs,
    pub(super) ending: bool,
    pub(super) outputs: &'c mut Outputs<'o>,
}

impl Stateful<'_> {
    /// The owner's instance gets an element.
    pub(super) fn process(
        &mut self,
        owner: &Owner,
        element: &Element,
        calls: &mut Calls<'_, '_>,
    ) -> Result<(), Failure> {
        let mut input = self.place.decode([element])?;
        self.call(owner, calls, |run, clock, sides, outs, changes| {
            run.process(&mut *input, clock, sides, outs, changes)
        })
    }

    /// The owner's timer fires.
    pub(super) fn fire(&mut self, owner: &Owner, timer: SetTimer, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        self.call(owner, calls, |run, clock, sides, outs, changes| {
            match run.fire(timer.id, timer.version, clock, sides, outs, changes)? {
                true => Ok(()),
                false => Err(format!("{timer:?} was set and does not fire").into()),
            }
        })
    }

    /// Calls the owner's instance within a bundle of its own, and notes what timers it has set. State has to survive its encoding each time.
    pub(super) fn call(
        &mut self,
        owner: &Owner,
        calls: &mut Calls<'_, '_>,
        work: impl FnOnce(
            &mut dyn StatefulRun,
            StateClock,
            &SideInputs,
            &mut [Box<dyn AnyBundle>],
            &mut StateChanges,
        ) -> Result<(), BoxError>,
    ) -> Result<(), Failure> {
        let Some(instance) = self.instances.get_mut(owner) else { return Ok(()) };
        let spec = self.kernel.spec();
        let clock = StateClock {
            input_watermark: instance.watermark(self.watermark, spec),
            output_watermark: self.output_watermark,
            now_ms: self.now_ms,
            lateness_ms: self.lateness_ms,
            ending: calls.ending,
        };
        let own_outputs = calls.outputs.made.len() - usize::from(spec.late_output);
        let mut bundles: Vec<_> = (0..own_outputs).map(|i| calls.outputs.new_bundle(i)).collect();
        let mut changes = StateChanges::default();
        let run = &mut *instance.run;
        let called = || {
            run.start_bundle()?;
            work(run, clock, &calls.sides, &mut bundles, &mut changes)?;
            run.finish_bundle(&mut bundles)?;
            run.round_trip()
        };
        called().map_err(|cause| self.place.failure(cause))?;
        changes.timers.into_iter().for_each(|change| instance.note(change, spec));
        bundles.iter_mut().enumerate().try_for_each(|(i, bundle)| calls.outputs.take(i, &mut **bundle))
    }
}
