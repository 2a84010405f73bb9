//! Random scripts of commands to timers: all runners do the same, event by event, in the same order for each key; or all refuse.

use proptest::prelude::*;
use purlin::Dropped;
use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{EventTimer, EventTimerFamily, OutputTime, ProcessingTimer, Value, WindowExpiration};
use purlin_tests::{Runner, random_cases};

use crate::commands::{Command, Do};
use crate::job::{RUNNERS, at, outcome};

const WINDOW_MS: i64 = 40;

#[derive(Clone, Debug)]
enum Event {
    Elements(Vec<(u8, i64, Vec<Command>)>),
    Watermark(i64),
    ProcessingTime(u64),
}

fn command() -> impl Strategy<Value = Command> {
    // Mostly what can be done; some of it beyond its window, so that it is refused.
    let what = prop_oneof![
        4 => (0..110_i64).prop_map(Do::At),
        4 => (0..60_u64).prop_map(Do::In),
        1 => (0..110_i64, 0..60_i64).prop_map(|(at, hold)| Do::AtHolding(at, hold)),
        1 => (0..110_i64).prop_map(Do::AtNotHeld),
        1 => Just(Do::Clear),
    ];
    (0..5_u8, what).prop_map(|(which, what)| match which {
        0 | 1 => Command::Flush(what),
        2 => Command::Wake(what),
        tag => Command::Tag(tag, what),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let element = (0..3_u8, 0..100_i64, proptest::collection::vec(command(), 0..3));
    prop_oneof![
        4 => proptest::collection::vec(element, 1..4).prop_map(Event::Elements),
        3 => (0..130_i64).prop_map(Event::Watermark),
        2 => (0..40_u64).prop_map(Event::ProcessingTime),
    ]
}

/// Does as it is told, and numbers what it does for each key and window. A timer that fires sets another one, a few times.
#[derive(Clone)]
struct Numbered;

#[derive(State)]
struct Cells {
    number: Value<u32>,
    flush: EventTimer,
    wake: ProcessingTimer,
    by_tag: EventTimerFamily<u8>,
    end: WindowExpiration,
}

impl Cells {
    fn next(&mut self) -> u32 {
        let number = self.number.get_or_insert_with(|| 0);
        *number += 1;
        *number
    }
}

macro_rules! set {
    ($timer:expr, $what:expr $(, $tag:expr)?) => {
        match $what {
            Do::At(ms) => $timer.set($($tag,)? at(ms)),
            Do::In(ms) => $timer.set_relative($($tag,)? milliseconds(ms)),
            Do::AtHolding(ms, hold) => $timer.set_with_output($($tag,)? at(ms), OutputTime::At(at(hold))),
            Do::AtNotHeld(ms) => $timer.set_with_output($($tag,)? at(ms), OutputTime::NotHeld),
            Do::Clear => $timer.clear($($tag)?),
        }
    };
}

impl StatefulDoFn<u8, Vec<Command>> for Numbered {
    type State = Cells;
    type Out = Output<String>;

    fn process(
        &mut self,
        key: &u8,
        commands: Vec<Command>,
        cells: &mut Cells,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        for command in commands {
            match command {
                Command::Flush(what) => set!(cells.flush, what),
                Command::Wake(what) => set!(cells.wake, what),
                Command::Tag(tag, what) => set!(cells.by_tag, what, tag),
                other => return Err(format!("{other:?} is not part of this").into()),
            }
        }
        out.emit(format!("{key} in {}: {} element", cx.window().start.millis(), cells.next()));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let number = cells.next();
        let (flush, wake, tag) = (cells.flush.fired(), cells.wake.fired(), cells.by_tag.fired().copied());
        let time = cx.firing_time().millis();
        out.emit(format!("{key} in {}: {number} {flush} {wake} {tag:?} at {time}", cx.window().start.millis()));
        if number.is_multiple_of(4) {
            cells.by_tag.set_relative(9, milliseconds(u64::from(number)));
        }
        if number.is_multiple_of(5) {
            cells.wake.set_relative(milliseconds(u64::from(number)));
        }
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("{key} in {}: {} ends", cx.window().start.millis(), cells.next()));
        Ok(())
    }
}

/// The elements in order of time.
#[derive(Clone)]
struct Sorted;

impl StatefulDoFn<u8, Vec<Command>> for Sorted {
    type State = Cells;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        key: &u8,
        commands: Vec<Command>,
        cells: &mut Cells,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Numbered.process(key, commands, cells, cx, out)
    }

    fn on_timer(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Numbered.on_timer(key, cells, cx, out)
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        Numbered.on_window_expiration(key, cells, cx, out)
    }
}

fn script(events: &[Event]) -> TestStream<(u8, Vec<Command>)> {
    events.iter().fold(TestStream::new(), |script, event| match event {
        Event::Elements(all) => {
            script.elements(all.iter().map(|(key, ms, commands)| ((*key, commands.clone()), at(*ms))))
        }
        Event::Watermark(ms) => script.advance_watermark(at(*ms)),
        Event::ProcessingTime(ms) => script.advance_processing_time(milliseconds(*ms)),
    })
}

fn told<D>(do_fn: D, lateness_ms: u64) -> impl Fn(PCollection<(u8, Vec<Command>)>) -> PCollection<String>
where
    D: StatefulDoFn<u8, Vec<Command>, Out = Output<String>>,
{
    move |commands| {
        let windows =
            Fixed::of(milliseconds(WINDOW_MS as u64)).with().allowed_lateness(milliseconds(lateness_ms)).discarding();
        let (told, dropped) = commands.window(windows).par_do_stateful_with_dropped("stateful", do_fn.clone());
        let dropped = dropped.map("late", |Dropped { element: (key, _), cause }| format!("{key} {cause:?}"));
        // What is held shows in when windows downstream close.
        let all = told.pipeline().flatten("all", [told, dropped]);
        let counts = all.map("one key", |_| ((), 1_u64)).combine_per_key("count", Sum);
        let counts = counts.map("counted", |((), count)| format!("{count} in all"));
        let global = Global.with();
        told_apart(all, counts, global)
    }
}

/// Both, in one window, as they came.
fn told_apart(all: PCollection<String>, counts: PCollection<String>, windows: WindowSpec) -> PCollection<String> {
    let pipeline = all.pipeline();
    let apart = [all.map("told", |text| text), counts.map("counts", |text| text)];
    let apart = apart.map(|texts| texts.window(windows.clone().trigger(Trigger::after_count(1).repeatedly())));
    pipeline.flatten("together", apart)
}

proptest! {
    #![proptest_config(random_cases(60))]

    #[test]
    fn all_runners_do_as_they_are_told(
        events in proptest::collection::vec(event(), 0..12),
        lateness_ms in prop_oneof![Just(0_u64), Just(25)],
        is_sorted: bool,
    ) {
        let script = script(&events);
        let run = |runner: Runner| match is_sorted {
            true => outcome(runner, &script, told(Sorted, lateness_ms)),
            false => outcome(runner, &script, told(Numbered, lateness_ms)),
        };
        let expected = run(Runner::Stream(1)).map_err(|failure| failure.to_string());
        for runner in RUNNERS {
            let seen = run(runner).map_err(|failure| failure.to_string());
            match (&seen, &expected) {
                // Of several refusals in one event any may be the first.
                (Err(_), Err(refusal)) => prop_assert!(refusal.contains("timer `"), "{refusal}"),
                _ => prop_assert_eq!(&seen, &expected, "{:?}", runner),
            }
        }
    }
}
