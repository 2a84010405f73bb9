//! Stateful transforms: what is late, which timer is due, what holds the watermark, when state goes (SEMANTICS §8).
//!
//! The cells and the user's code are behind a [`StatefulRun`]. This machine decides when that is called, and with what: elements
//! of live windows as they come, or sorted by time; timers in the order of their times, one that is set while another
//! fires in its place in that order; expired windows after their timers. It reads no clock.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::coder::AnyCoder;
use purlin_model::graph::NodeId;
use purlin_model::kernel::{
    StateChanges, StateClock, StatefulKernel, StatefulRun, TimeDomain, TimerChange, TimerId, TimerSetting,
};
use purlin_model::snapshot::{StateEntry, StateLog};
use purlin_model::window::{Window, WindowSet};
use purlin_model::{BoxError, DropCause, Timestamp};

use super::event_timers::{EventTimers, Timers};
use super::holds::Holds;
use super::lookups::LookUps;
use super::snapshot::{Clocks, ElementsSnapshot, ShardSnapshot, ViewSnapshot};
use super::sorted::SortedInput;
use super::views::ViewState;
use crate::user_code::guarded;

/// So many (key, window)s an advance looks at when cells are swept whose time to live is over, however many there are. There is an advance for each
/// bundle, and that brings fewer.
const SWEPT_AT_ONCE: usize = 4096;

/// One shard of a stateful transform.
pub(super) struct StatefulMachine {
    kernel: Arc<dyn StatefulKernel>,
    run: Box<dyn StatefulRun>,
    look_ups: LookUps,
    lateness_ms: i64,
    /// That of the upstream, held back by elements that wait for a side input.
    input_watermark: Timestamp,
    /// The same as it is [seen](Self::seen).
    watermark: Timestamp,
    output_watermark: Timestamp,
    now_ms: i64,
    /// By time, then by setting; shards that became one may have used the same numbers for settings.
    event_timers: EventTimers,
    processing_timers: Timers,
    /// Windows that have cells, by their gc.
    windows: BTreeSet<(Timestamp, Window)>,
    /// Beside those of the event timers.
    holds: Holds,
    sorted: Option<SortedInput>,
    changes: StateChanges,
    late: u64,
    /// At the end of time: the processing-time timers that still fire, those that were set when it came.
    last_to_fire: Option<Timers>,
    /// When cells whose time to live is over are next looked for, by either clock.
    next_sweep: Option<(Timestamp, i64)>,
    /// An end is wanted: what waits for a time does not wait for it any more.
    ending: bool,
    in_bundle: bool,
    /// The first states have been written as bytes and taken back.
    state_checked: bool,
    torn_down: bool,
}

/// What of it is not by key.
pub(super) struct Parts {
    pub(super) clocks: Clocks,
    pub(super) sorted: ElementsSnapshot,
    pub(super) waiting: ElementsSnapshot,
    pub(super) views: Vec<ViewSnapshot>,
}

/// As for any transform, after a failure too.
impl Drop for StatefulMachine {
    fn drop(&mut self) {
        if !self.torn_down {
            let _ = guarded("a transform", None, || self.run.teardown());
        }
    }
}

impl StatefulMachine {
    /// An empty shard, its `DoFn` set up.
    pub(super) fn new(
        kernel: Arc<dyn StatefulKernel>,
        lateness_ms: i64,
        views: HashMap<NodeId, ViewState>,
    ) -> Result<Self, BoxError> {
        let run = kernel.run();
        let spec = kernel.spec();
        let sorted = spec.time_sorted_input.then(SortedInput::default);
        let expires_cells = spec.cells.iter().any(|cell| cell.time_to_live.is_some());
        let mut machine = StatefulMachine {
            run,
            look_ups: LookUps::new(views),
            lateness_ms,
            input_watermark: Timestamp::MIN,
            watermark: Timestamp::MIN,
            output_watermark: Timestamp::MIN,
            now_ms: i64::MIN,
            event_timers: EventTimers::default(),
            processing_timers: Timers::new(),
            windows: BTreeSet::new(),
            holds: Holds::default(),
            sorted,
            changes: StateChanges::default(),
            late: 0,
            last_to_fire: None,
            next_sweep: expires_cells.then_some((Timestamp::MIN, i64::MIN)),
            ending: false,
            in_bundle: false,
            state_checked: false,
            torn_down: false,
            kernel,
        };
        machine.run.setup()?;
        Ok(machine)
    }

    /// Takes a bundle of `(K, V)` in at processing time `now_ms`. `outs` has a bundle for each output, that for late data last.
    pub(super) fn process(
        &mut self,
        bundle: &mut dyn AnyBundle,
        now_ms: i64,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        self.now_ms = self.now_ms.max(now_ms);
        if bundle.is_empty() {
            return Ok(());
        }
        bundle.explode_windows();
        self.drop_late(bundle, outs);
        self.take_in(bundle, outs)
    }

    /// Changes a view that is looked up here; elements that waited for it are processed.
    pub(super) fn update_view(
        &mut self,
        view: NodeId,
        change: impl FnOnce(&mut ViewState),
        now_ms: i64,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        self.now_ms = self.now_ms.max(now_ms);
        match self.look_ups.update(view, change) {
            Some(mut waited) => self.take_in(&mut *waited, outs),
            None => Ok(()),
        }
    }

    /// Takes elements in that are not late.
    fn take_in(&mut self, bundle: &mut dyn AnyBundle, outs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        self.look_ups.set_unready_aside(bundle);
        if let Some(sorted) = &mut self.sorted {
            sorted.take_in(bundle);
        } else if !bundle.is_empty() {
            self.run_elements(bundle, outs)?;
        }
        // An event timer set in the past is due at once; processing time has its turn behind the watermark.
        if !self.kernel.spec().holds_input {
            let mut unlimited = usize::MAX;
            self.fire_due(TimeDomain::EventTime, &mut unlimited, outs)?;
        }
        self.end_bundle(outs)?;
        self.move_output_watermark();
        Ok(())
    }

    /// Moves the input watermark, firing about `budget` timers; `true` once nothing is due. Call again until then.
    pub(super) fn advance(
        &mut self,
        watermark: Timestamp,
        now_ms: i64,
        mut budget: usize,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<bool, BoxError> {
        let held = self.look_ups.earliest().unwrap_or(Timestamp::MAX);
        self.input_watermark = self.input_watermark.max(watermark.min(held));
        self.watermark = self.watermark.max(self.seen(self.input_watermark));
        self.now_ms = self.now_ms.max(now_ms);
        let done = self.fire_due(TimeDomain::EventTime, &mut budget, outs)?
            && self.fire_last(&mut budget, outs)?
            && self.expire(budget, outs)?;
        self.end_bundle(outs)?;
        if done {
            self.move_output_watermark();
            self.sweep()?;
            self.look_ups.forget_before(self.effective_watermark().saturating_add_millis(-self.lateness_ms));
        }
        Ok(done)
    }

    /// Moves processing time and fires what is due, like [`advance`](Self::advance).
    pub(super) fn advance_processing_time(
        &mut self,
        now_ms: i64,
        mut budget: usize,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<bool, BoxError> {
        self.now_ms = self.now_ms.max(now_ms);
        let done = self.fire_due(TimeDomain::ProcessingTime, &mut budget, outs)?;
        self.end_bundle(outs)?;
        if done {
            self.move_output_watermark();
            self.sweep()?;
        }
        Ok(done)
    }

    /// An end is wanted: from now on work on elements is done to its end, or as far as it says, without waiting for any time.
    pub(super) fn end(&mut self) {
        self.ending = true;
    }

    /// Whether work on elements is not done that the input's end does not end.
    pub(super) fn is_working(&self) -> bool {
        self.kernel.spec().holds_input && !self.processing_timers.is_empty()
    }

    /// Nothing earlier will be emitted.
    pub(super) fn output_watermark(&self) -> Timestamp {
        self.output_watermark
    }

    /// The output watermark, moved as far as this shard's own holds let it.
    pub(super) fn own_output_watermark(&mut self) -> Timestamp {
        self.move_output_watermark();
        self.output_watermark
    }

    /// Sets the output watermark back to `reached`, which nobody downstream has seen it pass.
    pub(super) fn hold_output_back(&mut self, reached: Timestamp) {
        self.output_watermark = self.output_watermark.min(reached);
    }

    /// The time of the first processing-time timer.
    pub(super) fn earliest_pending_processing_time(&self) -> Option<i64> {
        self.processing_timers.first().map(|(at_ms, ..)| *at_ms)
    }

    /// How many elements were dropped as late, window by window.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// Whether no timer is set, no element waits for its turn and no window waits for its expiry.
    pub(super) fn awaits_nothing(&self) -> bool {
        self.event_timers.is_empty()
            && self.processing_timers.is_empty()
            && self.sorted.as_ref().is_none_or(SortedInput::is_empty)
            && self.look_ups.earliest().is_none()
            && (self.windows.is_empty() || !self.kernel.spec().on_window_expiration)
    }

    /// From now on it keeps book of what changes; nothing has come yet.
    pub(super) fn track_changes(&mut self) {
        self.run.track_changes();
    }

    /// Appends what has changed since the last snapshot to `log`; `coder` is that of the input.
    pub(super) fn snapshot(&mut self, coder: &dyn AnyCoder, log: &mut StateLog) -> Result<Parts, BoxError> {
        self.run.snapshot(log)?;
        let clocks = Clocks {
            input_watermark: self.input_watermark,
            output_watermark: self.output_watermark,
            next_sweep: self.next_sweep,
            ..Clocks::START
        };
        let sorted = ElementsSnapshot::of(coder, self.sorted.iter().flat_map(SortedInput::elements))?;
        let (waiting, views) = self.look_ups.snapshot(coder)?;
        Ok(Parts { clocks, sorted, waiting, views })
    }

    /// Takes over what snapshots hold. `numbers`: see [`StatefulRun::restore`]. Timers, holds and windows to expire are made from the
    /// entries.
    pub(super) fn restore(
        &mut self,
        entries: Vec<StateEntry>,
        numbers: &[usize],
        clocks: Clocks,
        (mut sorted, waiting): (Box<dyn AnyBundle>, Box<dyn AnyBundle>),
        old: &[ShardSnapshot],
    ) -> Result<(), BoxError> {
        // They were checked by the run that wrote them.
        self.state_checked = !entries.is_empty();
        self.input_watermark = clocks.input_watermark;
        self.watermark = self.seen(clocks.input_watermark);
        self.output_watermark = clocks.output_watermark;
        // Of what did not expire before, anything may be over.
        self.next_sweep = self.next_sweep.map(|at_once| clocks.next_sweep.unwrap_or(at_once));
        let mut changes = std::mem::take(&mut self.changes);
        self.run.restore(entries, numbers, &mut changes)?;
        self.changes = changes;
        self.take_up_changes();
        match &mut self.sorted {
            Some(waiting) => waiting.take_in(&mut *sorted),
            None if sorted.is_empty() => {}
            None => {
                return Err(format!(
                    "{} elements wait in the snapshot to be sorted by time, and the transform's input is not sorted any more: keep                      TIME_SORTED_INPUT, or start without the snapshot",
                    sorted.len()
                )
                .into());
            }
        }
        self.look_ups.restore(waiting, old)
    }

    /// After the last bundle.
    pub(super) fn teardown(&mut self) -> Result<(), BoxError> {
        self.torn_down = true;
        self.run.teardown()
    }

    /// The watermark that the transform goes by: where its input is sorted it stays behind by the lateness, for what may still come precedes what
    /// is here, timers included.
    fn seen(&self, watermark: Timestamp) -> Timestamp {
        match &self.sorted {
            Some(_) if watermark < Timestamp::MAX => watermark.saturating_add_millis(-self.lateness_ms),
            _ => watermark,
        }
    }

    /// The watermark that timers and expiries go by: elements that wait hold it back, too.
    fn effective_watermark(&self) -> Timestamp {
        self.watermark.min(self.waiting())
    }

    /// The earliest element that waits to be sorted or to be worked on further.
    fn waiting(&self) -> Timestamp {
        let sorted = self.sorted.as_ref().and_then(SortedInput::earliest);
        let unfinished = if self.kernel.spec().holds_input { self.earliest_hold() } else { None };
        let all = sorted.into_iter().chain(unfinished);
        all.min().unwrap_or(Timestamp::MAX)
    }

    /// What the output watermark may not pass.
    fn earliest_hold(&self) -> Option<Timestamp> {
        self.holds.earliest().into_iter().chain(self.event_timers.earliest_hold()).min()
    }

    fn gc(&self, window: Window) -> Timestamp {
        window.gc(self.lateness_ms)
    }

    fn drop_late(&mut self, bundle: &mut dyn AnyBundle, outs: &mut [Box<dyn AnyBundle>]) {
        if self.watermark == Timestamp::MIN {
            return;
        }
        let sides = bundle.sides();
        let is_sorted = self.sorted.is_some();
        let is_live = |(at, windows): (Timestamp, WindowSet)| {
            self.gc(windows.first()) >= self.watermark && !(is_sorted && at < self.watermark)
        };
        let kept: Vec<bool> =
            (0..bundle.len()).map(|i| is_live((sides.timestamps().get(i), sides.windows().get(i)))).collect();
        let late = kept.iter().filter(|kept| !**kept).count();
        if late == 0 {
            return;
        }
        self.late += late as u64;
        if self.kernel.spec().late_output
            && let Some(into) = outs.last_mut()
        {
            let mut dropped = bundle.duplicate();
            dropped.retain_mask(&kept.iter().map(|kept| !kept).collect::<Vec<_>>());
            self.kernel.drop_into(&mut *dropped, DropCause::Late, &mut **into);
        }
        bundle.retain_mask(&kept);
    }

    fn run_elements(&mut self, bundle: &mut dyn AnyBundle, outs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        self.begin_bundle()?;
        let (clock, outputs) = (self.clock(), self.outputs_of(outs.len()));
        self.run.process(bundle, clock, self.look_ups.sides(), &mut outs[..outputs], &mut self.changes)?;
        self.take_up_changes();
        if !std::mem::replace(&mut self.state_checked, true) {
            // A state that does not survive as bytes is found now, not when a restore needs it.
            self.run.round_trip()?;
        }
        Ok(())
    }

    /// Fires timers and releases sorted elements in the order of their times, up to the watermark, and if processing time has moved its
    /// timers, each when nothing is due by event time; `false` if the budget ran out.
    fn fire_due(
        &mut self,
        moved: TimeDomain,
        budget: &mut usize,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<bool, BoxError> {
        let time_has_moved = moved == TimeDomain::ProcessingTime;
        loop {
            let next_event = self.event_timers.first();
            let next_processing = || {
                let by_clock = |at: i64| time_has_moved && at < self.now_ms && !self.time_has_ended();
                let due = |at: i64| by_clock(at) || self.ending && self.kernel.spec().holds_input;
                self.processing_timers.first().copied().filter(|(at, ..)| due(*at))
            };
            let due = next_event.filter(|(at, ..)| *at < self.effective_watermark().millis()).or_else(next_processing);
            if *budget == 0 && (due.is_some() || self.has_releasable()) {
                return Ok(false);
            }
            if let Some((_, version, id)) = due {
                self.fire(id, version, budget, outs)?;
            } else if let Some(mut elements) = self.sorted.as_mut().and_then(|sorted| sorted.release(self.watermark)) {
                *budget = budget.saturating_sub(elements.len());
                self.run_elements(&mut *elements, outs)?;
            } else {
                return Ok(true);
            }
        }
    }

    /// Whether only the timers that were set at the end of time still fire, whatever the clock shows.
    fn time_has_ended(&self) -> bool {
        self.last_to_fire.is_some()
    }

    fn has_releasable(&self) -> bool {
        self.sorted.as_ref().is_some_and(|sorted| sorted.has_releasable(self.watermark))
    }

    /// At the end of time no clock goes on: processing-time timers that are set then fire, in order, before any window expires. What those
    /// firings set anew does not, or a timer that sets itself would fire for ever.
    fn fire_last(&mut self, budget: &mut usize, outs: &mut [Box<dyn AnyBundle>]) -> Result<bool, BoxError> {
        if self.effective_watermark() < Timestamp::MAX {
            return Ok(true);
        }
        if self.last_to_fire.is_none() {
            self.last_to_fire = Some(std::mem::take(&mut self.processing_timers));
        }
        while let Some((_, version, id)) = self.last_to_fire.as_ref().and_then(Timers::first).copied() {
            if *budget == 0 {
                return Ok(false);
            }
            self.fire(id, version, budget, outs)?;
            if !self.fire_due(TimeDomain::EventTime, budget, outs)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fires a timer; what it emits counts towards the budget.
    fn fire(
        &mut self,
        id: TimerId,
        version: u64,
        budget: &mut usize,
        outs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let before = total(outs);
        self.begin_bundle()?;
        let (clock, outputs) = (self.clock(), self.outputs_of(outs.len()));
        let fired =
            self.run.fire(id, version, clock, self.look_ups.sides(), &mut outs[..outputs], &mut self.changes)?;
        debug_assert!(fired, "the queue holds settings that are in force");
        self.take_up_changes();
        *budget = budget.saturating_sub((total(outs) - before).max(1));
        Ok(())
    }

    /// Expires windows whose gc the watermark has passed; `false` if the budget ran out.
    fn expire(&mut self, mut budget: usize, outs: &mut [Box<dyn AnyBundle>]) -> Result<bool, BoxError> {
        let watermark = self.effective_watermark();
        while let Some((gc, window)) = self.windows.first().copied() {
            if gc >= watermark {
                break;
            }
            if budget == 0 {
                return Ok(false);
            }
            self.begin_bundle()?;
            let (clock, outputs) = (self.clock(), self.outputs_of(outs.len()));
            let before = total(outs);
            let done = self.run.expire(
                window,
                budget,
                clock,
                self.look_ups.sides(),
                &mut outs[..outputs],
                &mut self.changes,
            )?;
            self.take_up_changes();
            budget = budget.saturating_sub((total(outs) - before).max(1));
            if !done {
                return Ok(false);
            }
            self.windows.remove(&(gc, window));
            self.holds.replace(self.expiration_hold(window), None);
        }
        Ok(true)
    }

    /// Declaring `on_window_expiration` holds the output where it will come out.
    fn expiration_hold(&self, window: Window) -> Option<Timestamp> {
        self.kernel.spec().on_window_expiration.then(|| window.max_timestamp())
    }

    fn take_up_changes(&mut self) {
        let mut changes = std::mem::take(&mut self.changes);
        for window in changes.opened.drain(..) {
            if self.windows.insert((self.gc(window), window)) {
                self.holds.replace(None, self.expiration_hold(window));
            }
        }
        for TimerChange { id, before, after } in changes.timers.drain(..) {
            let domain = self.kernel.spec().timers[usize::from(id.timer)].domain;
            let hold = |setting: Option<TimerSetting>| match (setting, domain) {
                (Some(setting), TimeDomain::EventTime) if EventTimers::holds_itself(setting) => None,
                (setting, _) => setting.and_then(|setting| setting.hold),
            };
            self.holds.replace(hold(before), hold(after));
            match domain {
                TimeDomain::EventTime => {
                    before.into_iter().for_each(|setting| self.event_timers.remove(id, setting));
                    after.into_iter().for_each(|setting| self.event_timers.insert(id, setting));
                }
                TimeDomain::ProcessingTime => {
                    if let Some(TimerSetting { at_ms, version, .. }) = before
                        && !self.processing_timers.remove(&(at_ms, version, id))
                        && let Some(last) = &mut self.last_to_fire
                    {
                        last.remove(&(at_ms, version, id));
                    }
                    if let Some(TimerSetting { at_ms, version, .. }) = after {
                        self.processing_timers.insert((at_ms, version, id));
                    }
                }
            }
        }
        // The memory is used anew.
        self.changes = changes;
    }

    fn clock(&self) -> StateClock {
        StateClock {
            input_watermark: self.effective_watermark(),
            output_watermark: self.output_watermark,
            now_ms: self.now_ms,
            lateness_ms: self.lateness_ms,
            ending: self.ending,
        }
    }

    /// How many of the bundles are the `DoFn`'s own.
    fn outputs_of(&self, bundles: usize) -> usize {
        bundles - usize::from(self.kernel.spec().late_output)
    }

    fn begin_bundle(&mut self) -> Result<(), BoxError> {
        if !self.in_bundle {
            self.in_bundle = true;
            self.run.start_bundle()?;
        }
        Ok(())
    }

    fn end_bundle(&mut self, outs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        if std::mem::take(&mut self.in_bundle) {
            let outputs = self.outputs_of(outs.len());
            self.run.finish_bundle(&mut outs[..outputs])?;
        }
        Ok(())
    }

    fn move_output_watermark(&mut self) {
        let held = self.earliest_hold().unwrap_or(Timestamp::MAX);
        self.output_watermark = self.output_watermark.max(self.input_watermark.min(self.waiting()).min(held));
    }

    /// Clears what has outlived its time to live, whenever half of the shortest one has passed: little by little, an advance after the other.
    fn sweep(&mut self) -> Result<(), BoxError> {
        let Some((watermark, now_ms)) = self.next_sweep else { return Ok(()) };
        if self.watermark < watermark && self.now_ms < now_ms {
            return Ok(());
        }
        if !self.run.sweep(SWEPT_AT_ONCE, self.clock())? {
            return Ok(());
        }
        let half_ms = |domain| {
            let spans = self.kernel.spec().cells.iter().filter_map(|cell| cell.time_to_live);
            spans.filter(|ttl| ttl.domain == domain).map(|ttl| (ttl.span_ms / 2).max(1)).min()
        };
        let watermark = half_ms(TimeDomain::EventTime).map(|half_ms| self.watermark.saturating_add_millis(half_ms));
        let now_ms = half_ms(TimeDomain::ProcessingTime).map(|half_ms| self.now_ms.saturating_add(half_ms));
        // What no cell goes by makes nothing due.
        self.next_sweep = Some((watermark.unwrap_or(Timestamp::MAX), now_ms.unwrap_or(i64::MAX)));
        Ok(())
    }
}

fn total(outs: &[Box<dyn AnyBundle>]) -> usize {
    outs.iter().map(|out| out.len()).sum()
}

#[cfg(test)]
mod tests;
