//! What is due: timers in the order of their times, sorted elements in theirs, windows whose time is over.

use purlin_model::kernel::TimeDomain;
use purlin_model::{Failure, Timestamp};

use super::calling::Calls;
use super::instance::{Due, Instance, SetTimer};
use super::{Owner, Stateful};

impl Stateful<'_> {
    /// All that the watermark has brought: event timers; at the end of time processing-time timers, too; then expiries.
    pub(super) fn follow_watermark(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        self.fire_event_timers(calls)?;
        self.fire_last_processing_timers(calls)?;
        self.expire(calls)
    }

    /// Gives elements out in their order and fires event timers, the earliest first, until nothing is due.
    pub(super) fn fire_event_timers(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let (watermark, spec) = (self.watermark, self.kernel.spec());
        loop {
            let all = self.instances.iter();
            let due = all.filter_map(|(owner, one)| Some((one.due(watermark, spec)?, owner)));
            let Some((due, owner)) = due.min().map(|(due, owner)| (due, owner.clone())) else { return Ok(()) };
            match due {
                Due::Elements(at) => {
                    let elements = self.instances.get_mut(&owner).map(|instance| instance.take_elements(at));
                    for element in elements.iter().flatten() {
                        self.process(&owner, element, calls)?;
                    }
                }
                Due::Timer(timer) => self.fire(&owner, timer, calls)?,
            }
        }
    }

    /// Fires processing-time timers, the earliest first, until none is due, each with the event timers that it sets in the past.
    pub(super) fn fire_processing_timers(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        // Work on elements does not wait any longer where no time will pass.
        let all_are_due = calls.ending && self.kernel.spec().holds_input;
        while let Some((timer, owner)) = self.processing_timers().into_iter().next()
            && (timer.at_ms < self.now_ms || all_are_due)
        {
            self.fire(&owner, timer, calls)?;
            self.fire_event_timers(calls)?;
        }
        Ok(())
    }

    /// Where the input has ended what is set by processing time fires, but not what that sets anew.
    fn fire_last_processing_timers(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        for (timer, owner) in self.processing_timers() {
            let Some(instance) = self.instances.get(&owner) else { continue };
            let has_ended = instance.watermark(self.watermark, self.kernel.spec()) == Timestamp::MAX;
            if has_ended && instance.timers.contains(&timer) {
                self.fire(&owner, timer, calls)?;
                self.fire_event_timers(calls)?;
            }
        }
        Ok(())
    }

    /// Every processing-time timer, in order.
    pub(super) fn processing_timers(&self) -> Vec<(SetTimer, Owner)> {
        let all = self.instances.iter().flat_map(|(owner, instance)| {
            instance.timers_of(TimeDomain::ProcessingTime).map(move |timer| (timer, owner.clone()))
        });
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    /// Windows whose time is over are told, and go.
    fn expire(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let is_over = |(owner, instance): &(&Owner, &Instance)| {
            owner.1.gc(self.lateness_ms) < instance.watermark(self.watermark, self.kernel.spec())
        };
        let over: Vec<Owner> = self.instances.iter().filter(is_over).map(|(owner, _)| owner.clone()).collect();
        for owner in over {
            self.call(&owner, calls, |run, clock, sides, outs, changes| {
                while !run.expire(owner.1, usize::MAX, clock, sides, outs, changes)? {}
                Ok(())
            })?;
            if let Some(mut instance) = self.instances.remove(&owner) {
                instance.run.teardown().map_err(|cause| self.place.failure(cause))?;
            }
        }
        Ok(())
    }
}
