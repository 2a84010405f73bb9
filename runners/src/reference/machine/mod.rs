//! The grouping machine: windows, triggers, panes, lateness and holds of one grouping (SEMANTICS §§2–7).
//!
//! A script of events drives it: bundles of elements, watermark advances, processing-time advances. Each event gives an
//! [`Outcome`]: the panes that it makes the grouping emit and the elements that it drops. The machine keeps every element of every
//! open window as it came, per (key, window), and looks at all of them at each event: slow, and without a second
//! way to do anything. What a value is, it does not care.

mod clock;
mod hold;
mod pane;
mod timers;
mod trigger;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use purlin_model::window::{ClosingBehavior, Window, Windowing};
use purlin_model::{DropCause, Pane, Timestamp};

use self::clock::Clock;
use self::hold::{Hold, Place};
use self::timers::Timers;
use self::trigger::{TriggerState, View};

/// An encoded key.
pub type KeyBytes = Vec<u8>;

/// An element in one window, on its way into the machine.
#[derive(Clone, Debug)]
pub struct Arrival<V> {
    /// Its key.
    pub key: KeyBytes,
    /// Its event time.
    pub timestamp: Timestamp,
    /// Its window, before any merging.
    pub window: Window,
    /// Whatever is grouped.
    pub value: V,
}

/// A pane that is emitted.
#[derive(Clone, Debug)]
pub struct Emission<V> {
    /// The key.
    pub key: KeyBytes,
    /// The window, after merging.
    pub window: Window,
    /// The pane's timestamp.
    pub timestamp: Timestamp,
    /// Which pane of the window it is.
    pub pane: Pane,
    /// What the pane holds; nothing in an empty pane.
    pub values: Vec<V>,
}

/// An (element, window) pair that is dropped (SEMANTICS §4).
#[derive(Clone, Debug)]
pub struct Dropped<V> {
    /// Why.
    pub cause: DropCause,
    /// The element's key.
    pub key: KeyBytes,
    /// The element's event time.
    pub timestamp: Timestamp,
    /// An expired window, before any merging, or a closed one.
    pub window: Window,
    /// What would have been grouped.
    pub value: V,
}

/// What one event leads to.
#[derive(Clone, Debug)]
pub struct Outcome<V> {
    /// What is emitted, of each key in the order of its windows.
    pub emitted: Vec<Emission<V>>,
    /// What is dropped.
    pub dropped: Vec<Dropped<V>>,
}

impl<V> Outcome<V> {
    fn drop(&mut self, arrival: Arrival<V>, window: Window, cause: DropCause) {
        let Arrival { key, timestamp, value, .. } = arrival;
        self.dropped.push(Dropped { cause, key, timestamp, window, value });
    }

    fn nothing() -> Self {
        Outcome { emitted: Vec::new(), dropped: Vec::new() }
    }
}

/// One grouping.
pub struct Machine<V> {
    windowing: Windowing,
    clock: Clock,
    keys: BTreeMap<KeyBytes, Windows<V>>,
}

/// The windows of one key, from their first element until gc.
type Windows<V> = BTreeMap<Window, WindowState<V>>;

/// All that is known of one (key, window). A window whose trigger has finished stays here, closed, until gc.
struct WindowState<V> {
    elements: Vec<V>,
    new_elements: usize,
    trigger: TriggerState,
    timers: Timers,
    hold: Hold,
    last_pane: Option<Pane>,
}

impl<V: Clone> Machine<V> {
    /// The machine for a collection that is windowed like this, its watermarks at MIN and its processing time at 0.
    pub fn new(windowing: Windowing) -> Self {
        Machine { windowing, clock: Clock::START, keys: BTreeMap::new() }
    }

    /// The output watermark.
    pub fn output_watermark(&self) -> Timestamp {
        self.clock.output
    }

    /// The earliest processing time that a trigger has asked to be woken at.
    pub fn pending_ms(&self) -> Option<i64> {
        let windows = self.keys.values().flat_map(BTreeMap::values);
        windows.filter(|state| !state.is_closed()).filter_map(|state| state.timers.earliest_processing()).min()
    }

    /// Elements arrive together at processing time `now_ms`. Each key's trigger is asked once, after the last of them.
    pub fn bundle(&mut self, arrivals: impl IntoIterator<Item = Arrival<V>>, now_ms: i64) -> Outcome<V> {
        self.clock.processing_ms = self.clock.processing_ms.max(now_ms);
        let mut outcome = Outcome::nothing();
        let mut by_key: BTreeMap<KeyBytes, Vec<Arrival<V>>> = BTreeMap::new();
        for arrival in arrivals {
            if self.is_expired(arrival.window) {
                let window = arrival.window;
                outcome.drop(arrival, window, DropCause::Late);
            } else {
                by_key.entry(arrival.key.clone()).or_default().push(arrival);
            }
        }
        for (key, arrivals) in by_key {
            let mut windows = self.keys.remove(&key).unwrap_or_default();
            self.bundle_of_key(&key, &mut windows, arrivals, &mut outcome);
            self.keys.insert(key, windows);
        }
        self.move_output_watermark();
        outcome
    }

    /// The input watermark moves to `to`; backwards it does not.
    pub fn advance_watermark(&mut self, to: Timestamp) -> Outcome<V> {
        self.clock.input = self.clock.input.max(to);
        let mut outcome = Outcome::nothing();
        for (key, mut windows) in std::mem::take(&mut self.keys) {
            let all: Vec<Window> = windows.keys().copied().collect();
            for window in all {
                if self.is_expired(window) {
                    self.close(&key, window, windows.remove(&window), &mut outcome);
                } else if let Some(state) = windows.get_mut(&window)
                    && state.timers.end_of_window
                    && self.clock.input > window.max_timestamp()
                {
                    state.timers.end_of_window = false;
                    self.fire_if_due(&key, window, state, &mut outcome);
                }
            }
            if !windows.is_empty() {
                self.keys.insert(key, windows);
            }
        }
        self.move_output_watermark();
        outcome
    }

    /// Processing time moves to `to_ms`, and to `synchronized_ms` the smaller of that and the earliest that something upstream waits for.
    pub fn advance_processing_time(&mut self, to_ms: i64, synchronized_ms: i64) -> Outcome<V> {
        self.clock.processing_ms = self.clock.processing_ms.max(to_ms);
        self.clock.synchronized_ms = self.clock.synchronized_ms.max(synchronized_ms);
        let (processing_ms, synchronized_ms) = (self.clock.processing_ms, self.clock.synchronized_ms);
        let mut outcome = Outcome::nothing();
        let mut keys = std::mem::take(&mut self.keys);
        for (key, windows) in &mut keys {
            for (window, state) in windows {
                if state.timers.take_due_processing(processing_ms, synchronized_ms) {
                    self.fire_if_due(key, *window, state, &mut outcome);
                }
            }
        }
        self.keys = keys;
        self.move_output_watermark();
        outcome
    }

    fn bundle_of_key(
        &self,
        key: &KeyBytes,
        windows: &mut Windows<V>,
        arrivals: Vec<Arrival<V>>,
        outcome: &mut Outcome<V>,
    ) {
        let became = if self.windowing.is_merging() {
            self.merge(windows, arrivals.iter().map(|arrival| arrival.window))
        } else {
            BTreeMap::new()
        };
        let mut touched = BTreeSet::new();
        for arrival in arrivals {
            let window = became.get(&arrival.window).copied().unwrap_or(arrival.window);
            let state = windows.entry(window).or_insert_with(|| WindowState::new(&self.windowing));
            if state.is_closed() {
                outcome.drop(arrival, window, DropCause::Closed);
                continue;
            }
            touched.insert(window);
            state.elements.push(arrival.value);
            state.new_elements += 1;
            state.hold.add(arrival.timestamp, self.place(window));
            state.trigger.on_element(self.view(window), &mut state.timers);
        }
        for window in touched {
            if let Some(state) = windows.get_mut(&window) {
                self.fire_if_due(key, window, state, outcome);
            }
        }
    }

    /// Lets `arriving` windows grow together with the open ones, and says what each window has become where it changed. A closed window
    /// takes no part; an arriving one with the bounds of a closed one does, and stays as it is only if nothing is beside it.
    fn merge(&self, windows: &mut Windows<V>, arriving: impl Iterator<Item = Window>) -> BTreeMap<Window, Window> {
        let open = windows.iter().filter(|(_, state)| !state.is_closed()).map(|(window, _)| *window);
        let merge_set: BTreeSet<Window> = arriving.chain(open).collect();
        let merge_set: Vec<Window> = merge_set.into_iter().collect();
        let mut became = BTreeMap::new();
        for merged in self.windowing.function.merge(&merge_set) {
            self.merge_states(windows, &merged.parts, merged.result);
            became.extend(merged.parts.iter().map(|part| (*part, merged.result)));
        }
        became
    }

    /// Also where no part is open yet, as where late elements have only each other: what is said of "all parts" holds then.
    fn merge_states(&self, windows: &mut Windows<V>, parts: &[Window], result: Window) {
        let is_open = |window: &Window| windows.get(window).is_some_and(|state| !state.is_closed());
        let open: BTreeSet<Window> = parts.iter().copied().chain([result]).filter(is_open).collect();
        let open: Vec<(Window, WindowState<V>)> =
            open.into_iter().filter_map(|part| Some((part, windows.remove(&part)?))).collect();
        // The result goes on counting panes if a window of its bounds was open; if one is closed, its finished bits count.
        let mut state = WindowState::new(&self.windowing);
        if let Some(closed) = windows.remove(&result) {
            state.trigger = closed.trigger;
        }
        if let Some((_, same)) = open.iter().find(|(window, _)| *window == result) {
            state.trigger = same.trigger.clone();
            state.timers = same.timers.clone();
            state.last_pane = same.last_pane;
        }
        let triggers: Vec<&TriggerState> = open.iter().map(|(_, part)| &part.trigger).collect();
        state.trigger.on_merge(&triggers, self.view(result), &mut state.timers);
        if !state.is_closed() {
            let holds: Vec<Hold> = open.iter().map(|(_, part)| part.hold).collect();
            state.hold = Hold::merged(&holds, self.place(result));
            state.new_elements = open.iter().map(|(_, part)| part.new_elements).sum();
            state.elements = open.into_iter().flat_map(|(_, part)| part.elements).collect();
        }
        windows.insert(result, state);
    }

    fn fire_if_due(&self, key: &KeyBytes, window: Window, state: &mut WindowState<V>, outcome: &mut Outcome<V>) {
        let view = self.view(window);
        if state.is_closed() || !state.trigger.should_fire(view) {
            return;
        }
        state.trigger.on_fire(view);
        let finished = state.trigger.is_finished();
        self.emit(key, window, state, finished, outcome);
        if finished || !self.windowing.is_accumulating() {
            state.elements.clear();
        }
        if finished {
            state.trigger.clear();
            state.last_pane = None;
        }
    }

    /// The end of a window's life: its last pane, unless its trigger has finished before.
    fn close(&self, key: &KeyBytes, window: Window, state: Option<WindowState<V>>, outcome: &mut Outcome<V>) {
        if let Some(mut state) = state.filter(|state| !state.is_closed()) {
            self.emit(key, window, &mut state, true, outcome);
        }
    }

    fn emit(
        &self,
        key: &KeyBytes,
        window: Window,
        state: &mut WindowState<V>,
        is_last: bool,
        outcome: &mut Outcome<V>,
    ) {
        let timestamp = state.hold.release(window);
        if !is_last && self.windowing.closing == ClosingBehavior::Always {
            state.hold.await_closing(self.place(window));
        }
        let pane = pane::next(state.last_pane, window, &self.clock, is_last);
        let has_new_elements = std::mem::take(&mut state.new_elements) > 0;
        if pane::is_emitted(pane, has_new_elements, &self.windowing) {
            state.last_pane = Some(pane);
            let values = state.elements.clone();
            outcome.emitted.push(Emission { key: key.clone(), window, timestamp, pane, values });
        }
    }

    /// After all firings of an event: the output watermark follows the input's up to the earliest hold (SEMANTICS §5).
    fn move_output_watermark(&mut self) {
        let holds = self.keys.values().flat_map(BTreeMap::values).filter_map(|state| state.hold.at());
        let free = holds.min().unwrap_or(Timestamp::MAX);
        self.clock.output = self.clock.output.max(self.clock.input.min(free));
    }

    fn view(&self, window: Window) -> View<'_> {
        View { window, merging: self.windowing.is_merging(), clock: &self.clock }
    }

    fn place(&self, window: Window) -> Place<'_> {
        let combiner = self.windowing.timestamp_combiner;
        Place { combiner, window, gc: self.gc(window), clock: &self.clock }
    }

    fn gc(&self, window: Window) -> Timestamp {
        window.gc(self.windowing.lateness_ms())
    }

    fn is_expired(&self, window: Window) -> bool {
        self.gc(window) < self.clock.input
    }
}

impl<V> WindowState<V> {
    fn new(windowing: &Windowing) -> Self {
        WindowState {
            elements: Vec::new(),
            new_elements: 0,
            trigger: TriggerState::new(&windowing.trigger),
            timers: Timers::default(),
            hold: Hold::default(),
            last_pane: None,
        }
    }

    fn is_closed(&self) -> bool {
        self.trigger.is_finished()
    }
}
