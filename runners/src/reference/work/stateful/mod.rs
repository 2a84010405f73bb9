//! A stateful `DoFn` (SEMANTICS §8): an instance of its own for each key and window, told of one element or one timer at a time.
//!
//! After each bundle, and when a clock has moved, all instances are looked through for what is due first, until nothing is. In its turn the
//! transform takes its elements, then the watermark with the event timers and expiries that it brings, then processing-time timers.

mod instance;

use std::collections::BTreeMap;

use purlin_model::bundle::AnyBundle;
use purlin_model::kernel::{SideInputs, StateChanges, StateClock, StatefulKernel, StatefulRun, TimeDomain};
use purlin_model::window::Window;
use purlin_model::{BoxError, DropCause, Failure, Timestamp};

use self::instance::{Due, Instance, SetTimer};
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
    watermark: Timestamp,
    output_watermark: Timestamp,
    now_ms: i64,
    /// An end is wanted.
    ending: bool,
    dropped: Dropped,
}

/// What calls of the user's code need in one turn.
struct Calls<'c, 'o> {
    sides: SideInputs,
    outputs: &'c mut Outputs<'o>,
}

impl<'a> Stateful<'a> {
    pub(super) fn new(place: Place<'a>, kernel: &'a dyn StatefulKernel) -> Self {
        Stateful {
            place,
            kernel,
            lateness_ms: place.input(0).windowing.lateness_ms(),
            instances: BTreeMap::new(),
            waiting: Vec::new(),
            watermark: Timestamp::MIN,
            output_watermark: Timestamp::MIN,
            now_ms: 0,
            ending: false,
            dropped: Dropped::default(),
        }
    }

    fn take(&mut self, element: &Element, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let is_sorted = self.kernel.spec().time_sorted_input;
        let is_too_late = is_sorted && self.watermark > element.timestamp.saturating_add_millis(self.lateness_ms);
        if element.window.gc(self.lateness_ms) < self.watermark || is_too_late {
            return self.drop(element, calls);
        }
        let mut key = Vec::new();
        let encoded = self.kernel.encode_key(&*self.place.decode([element])?, 0, &mut key);
        encoded.map_err(|cause| self.place.failure(format!("a key cannot be encoded: {cause}").into()))?;
        let owner = (key, element.window);
        if !self.instances.contains_key(&owner) {
            let mut run = self.kernel.run();
            run.setup().map_err(|cause| self.place.failure(cause))?;
            self.instances.insert(owner.clone(), Instance::new(run));
        }
        if is_sorted && let Some(instance) = self.instances.get_mut(&owner) {
            instance.unsorted.push(element.clone());
            return Ok(());
        }
        self.process(&owner, element, calls)
    }

    fn process(&mut self, owner: &Owner, element: &Element, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let mut input = self.place.decode([element])?;
        self.call(owner, calls, |run, clock, sides, outs, changes| {
            run.process(&mut *input, clock, sides, outs, changes)
        })
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

    /// Gives elements out in their order and fires event timers, the earliest first, until nothing is due.
    fn fire_event_timers(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let (watermark, lateness_ms) = (self.watermark, self.lateness_ms);
        loop {
            let all = self.instances.iter();
            let due = all.filter_map(|(owner, instance)| Some((instance.due(owner.1, watermark, lateness_ms)?, owner)));
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
    fn fire_processing_timers(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        while let Some((timer, owner)) =
            self.processing_timers().into_iter().find(|(timer, _)| timer.at_ms < self.now_ms)
        {
            self.fire(&owner, timer, calls)?;
            self.fire_event_timers(calls)?;
        }
        Ok(())
    }

    /// The input has ended: what is set by processing time fires now, but not what that sets anew.
    fn fire_all_processing_timers(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        for (timer, owner) in self.processing_timers() {
            if self.instances.get(&owner).is_some_and(|instance| instance.timers.contains(&timer)) {
                self.fire(&owner, timer, calls)?;
                self.fire_event_timers(calls)?;
            }
        }
        Ok(())
    }

    /// Work on elements goes on until there is none.
    fn work_to_the_end(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        while let Some((timer, owner)) = self.processing_timers().into_iter().next() {
            self.fire(&owner, timer, calls)?;
        }
        Ok(())
    }

    /// The input watermark follows that of the upstream, up to the elements that wait or are still worked on.
    fn move_watermark(&mut self, upstream: Timestamp) {
        let waiting = self.waiting.iter().map(|element| element.timestamp).min();
        let worked_on = if self.kernel.spec().holds_input { self.holds().min() } else { None };
        self.watermark = waiting.into_iter().chain(worked_on).fold(upstream, Timestamp::min).max(self.watermark);
    }

    /// Every processing-time timer, in order.
    fn processing_timers(&self) -> Vec<(SetTimer, Owner)> {
        let all = self.instances.iter().flat_map(|(owner, instance)| {
            instance.timers_of(TimeDomain::ProcessingTime).map(move |timer| (timer, owner.clone()))
        });
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    fn fire(&mut self, owner: &Owner, timer: SetTimer, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        self.call(owner, calls, |run, clock, sides, outs, changes| {
            match run.fire(timer.id, timer.version, clock, sides, outs, changes)? {
                true => Ok(()),
                false => Err(format!("{timer:?} was set and does not fire").into()),
            }
        })
    }

    /// Windows whose time is over are told, and go.
    fn expire(&mut self, calls: &mut Calls<'_, '_>) -> Result<(), Failure> {
        let is_over = |owner: &&Owner| owner.1.gc(self.lateness_ms) < self.watermark;
        let over: Vec<Owner> = self.instances.keys().filter(is_over).cloned().collect();
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

    /// Calls the owner's instance within a bundle of its own, and notes what timers it has set. State has to survive its encoding each time.
    fn call(
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
        let clock = StateClock {
            input_watermark: self.watermark,
            output_watermark: self.output_watermark,
            now_ms: self.now_ms,
            lateness_ms: self.lateness_ms,
            ending: self.ending,
        };
        let spec = self.kernel.spec();
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

    /// Timers, elements that wait, and expiries that will be told hold it back.
    fn holds(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let told_of_expiry = self.kernel.spec().on_window_expiration;
        self.instances.iter().flat_map(move |((_, window), instance)| {
            let expiry = (told_of_expiry && !instance.run.is_empty()).then(|| window.max_timestamp());
            instance.holds().chain(expiry)
        })
    }
}

impl Work for Stateful<'_> {
    fn turn(&mut self, turn: &Turn<'_>, outputs: &mut Outputs<'_>) -> Result<(), Failure> {
        let calls = &mut Calls { sides: turn.sides(self.place.node), outputs };
        (self.now_ms, self.ending) = (turn.now_ms, turn.ending);
        let (ready, waiting) = turn.part_ready(self.place.node, std::mem::take(&mut self.waiting));
        self.waiting = waiting;
        for bundle in turn.bundles(&ready) {
            bundle.iter().try_for_each(|element| self.take(element, calls))?;
            self.fire_event_timers(calls)?;
        }
        if self.kernel.spec().holds_input && self.ending {
            self.work_to_the_end(calls)?;
        }
        self.move_watermark(turn.watermark);
        self.fire_event_timers(calls)?;
        if self.watermark == Timestamp::MAX {
            self.fire_all_processing_timers(calls)?;
        }
        self.expire(calls)?;
        self.fire_processing_timers(calls)?;
        self.move_watermark(turn.watermark);
        let held = self.holds().min().unwrap_or(Timestamp::MAX);
        self.output_watermark = self.output_watermark.max(self.watermark.min(held));
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
