//! A stateful `DoFn` at work: the typed side of what the runner's machine drives.

use std::any::type_name;
use std::marker::PhantomData;
use std::sync::Arc;
use std::vec::IntoIter;

use super::accumulated::decoded;
use super::slots::Slots;
use super::state_book::Book;
use super::state_forms::{MarkSaved, Reader, SetTimers, Writer};
use super::{
    SideInputs, SlotId, StateChanges, StateClock, StatefulKernel, StatefulRun, StatefulSpec, TimeDomain, TimerId,
    grouping,
};
use crate::bundle::{AnyBundle, ElementSides};
use crate::coder::encode_key;
use crate::snapshot::{StateEntry, StateLog};
use crate::state::{Cell, Now, Occasion, Setting, Settling, State, Visit};
use crate::window::{Window, WindowSet};
use crate::{BoxError, DropCause, Element, Key, Outputs, Pane, StateContext, StatefulDoFn, TimerContext, Timestamp};

/// Makes the instances of a stateful `DoFn`.
pub(crate) struct TypedStateful<K, V, D> {
    do_fn: D,
    spec: Arc<StatefulSpec>,
    of: PhantomData<fn(K, V)>,
}

impl<K: Key, V: Element, D: StatefulDoFn<K, V>> TypedStateful<K, V, D> {
    /// `late_output`: what is dropped comes out.
    pub(crate) fn new(do_fn: D, late_output: bool) -> Self {
        let mut spec = StatefulSpec {
            time_sorted_input: D::TIME_SORTED_INPUT,
            holds_input: D::HOLDS_INPUT,
            late_output,
            ..StatefulSpec::default()
        };
        D::State::declare(&mut spec);
        TypedStateful { do_fn, spec: Arc::new(spec), of: PhantomData }
    }
}

impl<K: Key, V: Element, D: StatefulDoFn<K, V>> StatefulKernel for TypedStateful<K, V, D> {
    fn spec(&self) -> &StatefulSpec {
        &self.spec
    }

    fn key_type(&self) -> &'static str {
        type_name::<K>()
    }

    fn partition(&self, bundle: &mut dyn AnyBundle, shards: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        grouping::partition(bundle.downcast::<(K, V)>(), shards)
    }

    fn encode_key(&self, bundle: &dyn AnyBundle, i: usize, into: &mut Vec<u8>) -> Result<(), BoxError> {
        encode_key(&bundle.downcast_ref::<(K, V)>().values()[i].0, into)
    }

    fn drop_into(&self, bundle: &mut dyn AnyBundle, cause: DropCause, dropped: &mut dyn AnyBundle) {
        grouping::drop_into::<(K, V)>(bundle, cause, dropped);
    }

    fn run(&self) -> Box<dyn StatefulRun> {
        Box::new(Run {
            do_fn: self.do_fn.clone(),
            out: D::Out::default(),
            has_timers: !self.spec.timers.is_empty(),
            has_lifetimes: self.spec.cells.iter().any(|cell| cell.time_to_live.is_some()),
            spec: self.spec.clone(),
            slots: Slots::<K, D::State>::new(),
            version: 0,
            swept: 0,
            expiring: None,
            book: None,
            of: PhantomData::<fn(V)>,
        })
    }
}

struct Run<K, V, D: StatefulDoFn<K, V>> {
    do_fn: D,
    out: D::Out,
    spec: Arc<StatefulSpec>,
    has_timers: bool,
    has_lifetimes: bool,
    slots: Slots<K, D::State>,
    /// The latest setting of a timer.
    version: u64,
    /// How many slots have been looked at by the sweep under way.
    swept: u32,
    /// A window that is expiring and the slots of which are not done.
    expiring: Option<(Window, IntoIter<u32>)>,
    /// What has changed, where snapshots are taken.
    book: Option<Box<Book>>,
    of: PhantomData<fn(V)>,
}

impl<K: Key, V: Element, D: StatefulDoFn<K, V>> StatefulRun for Run<K, V, D> {
    fn setup(&mut self) -> Result<(), BoxError> {
        self.do_fn.setup()
    }

    fn start_bundle(&mut self) -> Result<(), BoxError> {
        self.do_fn.start_bundle()
    }

    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        clock: StateClock,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
        changes: &mut StateChanges,
    ) -> Result<(), BoxError> {
        let mut of_last: Option<(Window, u32)> = None;
        let mut cx = StateContext::of_bundle(clock, sides);
        for ((key, value), sides) in input.downcast::<(K, V)>().drain() {
            let window = sides.windows.first();
            let number = match of_last {
                Some((last, number)) if last == window => number,
                _ => {
                    let (number, is_new) = self.slots.window(window);
                    changes.opened.extend(is_new.then_some(window));
                    of_last = Some((window, number));
                    number
                }
            };
            let (id, slot) = self.slots.slot(number, key, D::State::empty);
            if let Some(book) = &mut self.book {
                book.note(id);
            }
            let ElementSides { timestamp, pane, .. } = sides;
            (cx.timestamp, cx.window, cx.pane) = (timestamp, window, pane);
            if self.has_lifetimes {
                slot.state.visit(&mut Begin(Now { event: timestamp, processing_ms: clock.now_ms }))?;
            }
            self.out.set_current(Some(sides));
            self.out.set_earliest(timestamp);
            self.do_fn.process(&slot.key, value, &mut slot.state, &cx, &mut self.out)?;
            if self.has_timers {
                let mut settling = Settling {
                    spec: &self.spec,
                    slot: id,
                    window,
                    occasion: Occasion::Element(timestamp),
                    clock,
                    version: &mut self.version,
                    changes: &mut changes.timers,
                    next: 0,
                };
                slot.state.visit(&mut Settle(&mut settling))?;
            }
            if is_empty(&mut slot.state)? {
                self.release(id)?;
            }
        }
        self.out.flush(outputs)
    }

    fn fire(
        &mut self,
        timer: TimerId,
        version: u64,
        clock: StateClock,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
        changes: &mut StateChanges,
    ) -> Result<bool, BoxError> {
        let Some((slot, window)) = self.slots.get_mut(timer.slot) else { return Ok(false) };
        let mut fire = Fire { timer, version, next: 0, fired: None };
        slot.state.visit(&mut fire)?;
        let Some(setting) = fire.fired else { return Ok(false) };
        if let Some(book) = &mut self.book {
            book.note(timer.slot);
        }
        let domain = self.spec.timers[usize::from(timer.timer)].domain;
        let firing_time = Timestamp::from_millis(setting.at_ms);
        // By event time a processing-time timer stands where its element does.
        let event = if domain == TimeDomain::EventTime { firing_time } else { setting.output };
        if self.has_lifetimes {
            slot.state.visit(&mut Begin(Now { event, processing_ms: clock.now_ms }))?;
        }
        let cx = TimerContext::new(setting.output, firing_time, window, clock, sides);
        emit_at(&mut self.out, setting.output, window);
        self.do_fn.on_timer(&slot.key, &mut slot.state, &cx, &mut self.out)?;
        let mut settling = Settling {
            spec: &self.spec,
            slot: timer.slot,
            window,
            occasion: Occasion::Timer { domain, setting },
            clock,
            version: &mut self.version,
            changes: &mut changes.timers,
            next: 0,
        };
        slot.state.visit(&mut Settle(&mut settling))?;
        if is_empty(&mut slot.state)? {
            self.release(timer.slot)?;
        }
        self.out.flush(outputs)?;
        Ok(true)
    }

    fn expire(
        &mut self,
        window: Window,
        mut budget: usize,
        clock: StateClock,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
        changes: &mut StateChanges,
    ) -> Result<bool, BoxError> {
        if self.expiring.as_ref().is_none_or(|(current, _)| *current != window) {
            let Some(slots) = self.slots.close(window) else { return Ok(true) };
            if let Some(book) = &mut self.book {
                book.note_closed(window, &slots);
            }
            self.expiring = Some((window, slots.into_iter()));
        }
        let Some((_, slots)) = &mut self.expiring else { return Ok(true) };
        let (gc, max) = (window.gc(clock.lateness_ms), window.max_timestamp());
        let cx = TimerContext::new(max, gc, window, clock, sides);
        emit_at(&mut self.out, max, window);
        for id in slots.by_ref() {
            let Some(mut slot) = self.slots.take(id) else { continue };
            if self.spec.on_window_expiration {
                if self.has_lifetimes {
                    slot.state.visit(&mut Begin(Now { event: gc, processing_ms: clock.now_ms }))?;
                }
                self.do_fn.on_window_expiration(&slot.key, &mut slot.state, &cx, &mut self.out)?;
                budget = budget.saturating_sub(1);
            }
            if self.has_timers {
                let mut settling = Settling {
                    spec: &self.spec,
                    slot: SlotId(id),
                    window,
                    occasion: Occasion::Expiration,
                    clock,
                    version: &mut self.version,
                    changes: &mut changes.timers,
                    next: 0,
                };
                slot.state.visit(&mut Settle(&mut settling))?;
            }
            if budget == 0 {
                break;
            }
        }
        let done = slots.len() == 0;
        if done {
            self.expiring = None;
        }
        self.out.flush(outputs)?;
        Ok(done)
    }

    fn sweep(&mut self, budget: usize, clock: StateClock) -> Result<bool, BoxError> {
        // Of elements to come that count the earliest has this time.
        let event = clock.input_watermark.saturating_add_millis(-clock.lateness_ms);
        let now = Now { event, processing_ms: clock.now_ms };
        let places = self.slots.places();
        let end = self.swept.saturating_add(u32::try_from(budget).unwrap_or(u32::MAX)).min(places);
        for id in (self.swept..end).map(SlotId) {
            let Some((slot, _)) = self.slots.get_mut(id) else { continue };
            let mut sweep = Sweep { now, frees: false };
            slot.state.visit(&mut sweep)?;
            if sweep.frees {
                self.book.iter_mut().for_each(|book| book.note(id));
                if is_empty(&mut slot.state)? {
                    self.release(id)?;
                }
            }
        }
        let done = end == places;
        self.swept = if done { 0 } else { end };
        Ok(done)
    }

    fn finish_bundle(&mut self, outputs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        self.out.set_current(None);
        self.out.set_earliest(Timestamp::MIN);
        self.do_fn.finish_bundle(&mut self.out)?;
        self.out.flush(outputs)
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.do_fn.teardown()
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn track_changes(&mut self) {
        self.book = Some(Box::default());
    }

    fn snapshot(&mut self, log: &mut StateLog) -> Result<(), BoxError> {
        if self.expiring.is_some() {
            return Err("a window is half expired: snapshots are taken when nothing is due".into());
        }
        let book = self.book.as_mut().ok_or("no book of changes is kept")?;
        book.write(&mut self.slots, &mut Writer::new(&self.spec), log)
    }

    fn restore(
        &mut self,
        entries: Vec<StateEntry>,
        numbers: &[usize],
        changes: &mut StateChanges,
    ) -> Result<(), BoxError> {
        // In other numbers than ours it can be read only once.
        let read_again = numbers.iter().copied().eq(0..numbers.len());
        for StateEntry { window, key, value, deltas } in &entries {
            let (number, is_new) = self.slots.window(*window);
            changes.opened.extend(is_new.then_some(*window));
            let (id, slot) = self.slots.slot(number, decoded(key)?, D::State::empty);
            Reader::new(&self.spec, numbers).read(value, deltas, &mut slot.state)?;
            let timers = &mut changes.timers;
            slot.state.visit(&mut SetTimers { slot: id, next: 0, version: &mut self.version, changes: timers })?;
            if let Some(book) = &mut self.book {
                slot.state.visit(&mut MarkSaved)?;
                let lengths = (value.len(), deltas.iter().map(Vec::len).sum());
                book.note_restored(id, *window, lengths, read_again);
            }
        }
        Ok(())
    }

    fn round_trip(&mut self) -> Result<(), BoxError> {
        let mut round_trip = RoundTrip { spec: self.spec.clone(), cells: 0, timers: 0, bytes: Vec::new() };
        for (_, slot) in self.slots.iter_mut() {
            (round_trip.cells, round_trip.timers) = (0, 0);
            slot.state.visit(&mut round_trip)?;
        }
        Ok(())
    }
}

impl<K: Key, V: Element, D: StatefulDoFn<K, V>> Run<K, V, D> {
    /// Frees a slot in which nothing is any more.
    #[inline]
    fn release(&mut self, id: SlotId) -> Result<(), BoxError> {
        match (&mut self.book, self.slots.release(id)) {
            (Some(book), Some(freed)) => book.note_freed(id, freed),
            _ => Ok(()),
        }
    }
}

/// What is emitted stands at this time, in this window.
fn emit_at(out: &mut impl Outputs, timestamp: Timestamp, window: Window) {
    out.set_current(Some(ElementSides { timestamp, windows: WindowSet::one(window), pane: Pane::UNGROUPED }));
    out.set_earliest(timestamp);
}

struct Begin(Now);

impl Visit for Begin {
    #[inline]
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        cell.begin(self.0);
        Ok(())
    }
}

struct Sweep {
    now: Now,
    frees: bool,
}

impl Visit for Sweep {
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        self.frees |= cell.sweep(self.now);
        Ok(())
    }
}

struct Settle<'a, 'b>(&'a mut Settling<'b>);

impl Visit for Settle<'_, '_> {
    #[inline]
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        cell.settle(self.0)
    }
}

struct Fire {
    timer: TimerId,
    version: u64,
    /// The number of the next timer.
    next: u16,
    fired: Option<Setting>,
}

impl Visit for Fire {
    #[inline]
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        if C::IS_TIMER {
            if self.next == self.timer.timer {
                self.fired = cell.fire(self.timer.member, self.version);
            }
            self.next += 1;
        }
        Ok(())
    }
}

/// Whether forgetting the state would change nothing.
#[inline]
fn is_empty(state: &mut impl State) -> Result<bool, BoxError> {
    struct IsEmpty(bool);

    impl Visit for IsEmpty {
        #[inline]
        fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
            self.0 &= cell.is_empty();
            Ok(())
        }
    }

    let mut all = IsEmpty(true);
    state.visit(&mut all)?;
    Ok(all.0)
}

struct RoundTrip {
    spec: Arc<StatefulSpec>,
    cells: usize,
    timers: usize,
    bytes: Vec<u8>,
}

impl Visit for RoundTrip {
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        if !C::IS_STORED {
            return Ok(());
        }
        self.bytes.clear();
        cell.encode(&mut self.bytes)?;
        let mut from = self.bytes.as_slice();
        let taken = cell.decode(&mut from);
        let left = from.len();
        let StatefulSpec { cells, timers, .. } = &*self.spec;
        let name = if C::IS_TIMER {
            self.timers += 1;
            timers.get(self.timers - 1).map(|timer| (timer.name, "a timer".to_string()))
        } else {
            self.cells += 1;
            cells.get(self.cells - 1).map(|cell| (cell.name, cell.descriptor.clone()))
        };
        let (name, descriptor) = name.unwrap_or(("", String::new()));
        match taken {
            Ok(()) if left == 0 => Ok(()),
            Ok(()) => Err(format!("cell `{name}` ({descriptor}) leaves {left} of its bytes when it is taken back").into()),
            Err(cause) => Err(format!(
                "cell `{name}` ({descriptor}) cannot be taken back from its bytes: {cause}. State is kept by postcard, which does not know \
                 serde's `flatten`, `untagged`, `skip_serializing_if` and self-describing types: change the type"
            )
            .into()),
        }
    }
}
