//! Random scripts through a random stateful `DoFn`: the same outcome on all runners and at any parallelism, event by event (SEMANTICS §11).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{EventTimer, OutputTime, ProcessingTimer, Value, WindowExpiration};
use purlin_tests::{Runner, random_cases};
use serde::{Deserialize, Serialize};

use crate::job::{at, outcome};

/// What is done with which timer; times count from the window's start.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Act {
    Flush(i64),
    FlushNotHeld(i64),
    FlushIn(u64),
    FlushOff,
    Other(i64),
    WakeIn(u64),
    WakeAt(i64),
    WakeOff,
}

#[derive(State)]
struct Cells {
    /// What is to be done by firings, one after the other.
    acts: Value<Vec<Act>>,
    flush: EventTimer,
    other: EventTimer,
    wake: ProcessingTimer,
    end: WindowExpiration,
}

/// Does the first act that an element brings at once, and keeps the others for the timers.
#[derive(Clone)]
struct Player<const SORTED: bool> {
    lateness: u64,
}

impl<const SORTED: bool> Player<SORTED> {
    fn act(&self, act: Act, window: purlin::window::Window, cells: &mut Cells) {
        let start = if window.is_global() { at(0) } else { window.start };
        let gc = if window.is_global() { at(1_000) } else { window.max_timestamp() + milliseconds(self.lateness) };
        let within = |after: i64| (start + milliseconds(after.unsigned_abs())).min(gc);
        match act {
            Act::Flush(after) => cells.flush.set(within(after)),
            Act::FlushNotHeld(after) => cells.flush.set_with_output(within(after), OutputTime::NotHeld),
            Act::FlushIn(after) => cells.flush.set_relative(milliseconds(after)),
            Act::FlushOff => cells.flush.clear(),
            Act::Other(after) => cells.other.set(within(after)),
            Act::WakeIn(after) => cells.wake.set_relative(milliseconds(after)),
            Act::WakeAt(ms) => cells.wake.set(at(ms)),
            Act::WakeOff => cells.wake.clear(),
        }
    }
}

impl<const SORTED: bool> StatefulDoFn<i64, Vec<Act>> for Player<SORTED> {
    type State = Cells;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = SORTED;

    fn process(
        &mut self,
        key: &i64,
        acts: Vec<Act>,
        cells: &mut Cells,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("{key} in {}: {acts:?} at {}", cx.window().start.millis(), cx.timestamp().millis()));
        if let Some((first, others)) = acts.split_first() {
            self.act(*first, cx.window(), cells);
            cells.acts.get_or_insert_with(Vec::new).extend(others);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &i64,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let fired = [("flush", cells.flush.fired()), ("other", cells.other.fired()), ("wake", cells.wake.fired())];
        let fired: Vec<&str> = fired.iter().filter(|(_, fired)| *fired).map(|(name, _)| *name).collect();
        let mut acts = cells.acts.take().unwrap_or_default();
        if !acts.is_empty() {
            self.act(acts.remove(0), cx.window(), cells);
        }
        let left = acts.len();
        cells.acts.set(acts);
        let start = cx.window().start.millis();
        out.emit(format!("{key} in {start}: {fired:?} of {}, {left} left", cx.firing_time().millis()));
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &i64,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let left = cells.acts.get().map_or(0, Vec::len);
        out.emit(format!("{key} in {}: ends, {left} left", cx.window().start.millis()));
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Event {
    Elements(Vec<(i64, i64, Vec<Act>)>),
    Watermark(i64),
    Time(u64),
}

/// How the elements come to the `DoFn`.
#[derive(Clone, Copy, Debug)]
struct Recipe {
    window: Option<(u64, u64)>,
    lateness: u64,
    sorted: bool,
    /// By way of a grouping whose panes come by processing time.
    grouped: bool,
}

impl Recipe {
    fn build(self, elements: PCollection<(i64, Vec<Act>)>) -> PCollection<String> {
        let windows = match self.window {
            Some((size, period)) => Sliding::of(milliseconds(size)).every(milliseconds(period)).with(),
            None => Global.with(),
        };
        let windows = windows.allowed_lateness(milliseconds(self.lateness)).discarding().allow_data_loss();
        let early = Trigger::after_processing_time(milliseconds(2)).repeatedly();
        let trigger = if self.grouped { early } else { Trigger::Default };
        let mut elements = elements.window(windows.trigger(trigger));
        if self.grouped {
            let all = elements.group_by_key("group");
            elements = all.map_values("first", |mut all| {
                all.sort_by_cached_key(|acts| format!("{acts:?}"));
                all.concat().into_iter().take(4).collect()
            });
        }
        let (lateness, name) = (self.lateness, "stateful");
        let (told, dropped) = if self.sorted {
            elements.par_do_stateful_with_dropped(name, Player::<true> { lateness })
        } else {
            elements.par_do_stateful_with_dropped(name, Player::<false> { lateness })
        };
        let dropped = dropped.map("say so", |dropped| format!("dropped {:?}", dropped.element));
        let all = told.pipeline().flatten("all", [told, dropped]);
        // When the counts come shows how far the output watermark is.
        let spans = Fixed::of(milliseconds(4)).with().trigger(Trigger::Default).discarding();
        let counts = all.window(spans.allow_data_loss()).key_by("same", |_| ()).combine_per_key("count", Count);
        let counts = counts.map_in("span", |((), count), at| format!("{count} from {}", at.window.start.millis()));
        let global = |of: PCollection<String>| of.window(Global.with().trigger(Trigger::Default).allow_data_loss());
        all.pipeline().flatten("both", [global(all), global(counts)])
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0_i64..16).prop_map(Act::Flush),
        1 => (0_i64..16).prop_map(Act::FlushNotHeld),
        2 => (0_u64..9).prop_map(Act::FlushIn),
        1 => Just(Act::FlushOff),
        2 => (0_i64..16).prop_map(Act::Other),
        3 => (0_u64..6).prop_map(Act::WakeIn),
        1 => (0_i64..12).prop_map(Act::WakeAt),
        1 => Just(Act::WakeOff),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let element = (0_i64..3, 0_i64..30, vec(act(), 0..4));
    prop_oneof![
        5 => vec(element, 1..4).prop_map(Event::Elements),
        4 => (0_i64..45).prop_map(Event::Watermark),
        3 => (1_u64..7).prop_map(Event::Time),
    ]
}

prop_compose! {
    fn recipe()(
        window in select(vec![Some((10, 10)), Some((10, 4)), Some((4, 4)), None]),
        lateness in select(vec![0, 3, 12]),
        sorted in any::<bool>(),
        grouped in any::<bool>(),
    ) -> Recipe {
        Recipe { window, lateness, sorted, grouped }
    }
}

fn test_stream(events: &[Event]) -> TestStream<(i64, Vec<Act>)> {
    events.iter().fold(TestStream::new(), |script, event| match event {
        Event::Elements(elements) => {
            script.elements(elements.iter().map(|(key, ms, acts)| ((*key, acts.clone()), at(*ms))))
        }
        Event::Watermark(to) => script.advance_watermark(at(*to)),
        Event::Time(by) => script.advance_processing_time(milliseconds(*by)),
    })
}

proptest! {
    #![proptest_config(random_cases(200))]

    #[test]
    fn all_runners_agree_on_timers_event_by_event(recipe in recipe(), events in vec(event(), 1..14)) {
        let script = test_stream(&events);
        let expected = outcome(Runner::Reference, &script, |elements| recipe.build(elements));
        let expected = expected.unwrap_or_else(|failure| panic!("{failure}"));
        for runner in [Runner::Batch(1), Runner::Batch(3), Runner::Stream(1), Runner::Stream(4)] {
            let seen = outcome(runner, &script, |elements| recipe.build(elements));
            prop_assert_eq!(&seen.unwrap_or_else(|failure| panic!("{failure}")), &expected, "{:?}", runner);
        }
    }
}
