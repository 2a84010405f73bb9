//! Stateful transforms over scripts: the elements are commands, which set timers and leave further commands for when these fire.

use purlin_model::source::TestStream;
use purlin_model::state::{EventTimer, OutputTime, ProcessingTimer, State, Value, WindowExpiration};
use purlin_model::window::{Fixed, WindowFn};
use purlin_model::{
    BoxError, Failure, Output, Pipeline, StateContext, StatefulDoFn, TimerContext, Timestamp, combine::Count,
    milliseconds,
};

use super::scripts::play;
use super::{Dropped, at, run};

#[derive(State)]
#[state(crate = "purlin_model")]
struct Cells {
    /// What is done when timer a or b fires.
    on_a: Value<String>,
    on_b: Value<String>,
    a: EventTimer,
    b: EventTimer,
    wake: ProcessingTimer,
    end: WindowExpiration,
}

/// Does as it is told, and tells of all that happens to it.
#[derive(Clone)]
struct Obedient<const SORTED: bool>;

impl<const SORTED: bool> Obedient<SORTED> {
    /// Commands: `a 5` sets a timer, `a off` clears it, `a then b 7` leaves a command, `b quiet 7` sets a timer that holds nothing.
    fn obey(command: &str, cells: &mut Cells) {
        for command in command.split("; ") {
            let words: Vec<&str> = command.split(' ').collect();
            let [name, how, ..] = words[..] else { continue };
            let time = words[words.len() - 1].parse().map(at);
            match (name, how, time) {
                ("a", "off", _) => cells.a.clear(),
                ("a", "then", _) => cells.on_a.set(words[2..].join(" ")),
                ("b", "then", _) => cells.on_b.set(words[2..].join(" ")),
                ("a", _, Ok(time)) => cells.a.set(time),
                ("b", "quiet", Ok(time)) => cells.b.set_with_output(time, OutputTime::NotHeld),
                ("b", _, Ok(time)) => cells.b.set(time),
                ("wake", _, Ok(time)) => cells.wake.set(time),
                _ => {}
            }
        }
    }
}

impl<const SORTED: bool> StatefulDoFn<u8, String> for Obedient<SORTED> {
    type State = Cells;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = SORTED;

    fn process(
        &mut self,
        _: &u8,
        command: String,
        cells: &mut Cells,
        _: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("told: {command}"));
        Self::obey(&command, cells);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u8,
        cells: &mut Cells,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let fired = [("a", cells.a.fired()), ("b", cells.b.fired()), ("wake", cells.wake.fired())];
        out.emit(fired.iter().filter(|(_, fired)| *fired).map(|(name, _)| *name).collect());
        let then = if cells.a.fired() { cells.on_a.take() } else { cells.on_b.take() };
        Self::obey(&then.unwrap_or("nothing more".into()), cells);
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        _: &u8,
        cells: &mut Cells,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        assert!(!cells.b.is_set() || !cells.a.is_set());
        out.emit("end".into());
        Ok(())
    }
}

fn command(command: &str, millis: i64) -> ((u8, String), Timestamp) {
    ((0, command.to_string()), at(millis))
}

/// What comes out in each event, with its timestamp, in the order of that; windows of ten are kept for five more.
fn outcome(script: TestStream<(u8, String)>) -> Vec<(usize, i64, String)> {
    let outcome = play(script, |_, commands| {
        let commands =
            commands.window(Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(5)).discarding());
        let out = commands.par_do_stateful("obey", Obedient::<false>);
        out.map_in("place", |text, at| (at.timestamp.millis(), text))
    });
    outcome.into_iter().map(|(event, (at, text))| (event, at, text)).collect()
}

fn check(script: TestStream<(u8, String)>, expected: &[(usize, i64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(event, at, text)| (*event, *at, text.to_string())).collect();
    assert_eq!(outcome(script), expected);
}

#[test]
fn event_timers_fire_beyond_their_time_in_order_with_those_that_they_set() {
    let script = TestStream::new()
        .elements([command("a 4; b 6; a then a 5", 1), command("b 7", 2)])
        .advance_watermark(at(4))
        .advance_watermark(at(9))
        .elements([command("a 3; b 8; b then a 9", 3), command("b 8", 3)])
        .advance_watermark(at(10));
    check(
        script,
        &[
            (0, 1, "told: a 4; b 6; a then a 5"),
            (0, 2, "told: b 7"),
            (2, 4, "a"),
            (2, 5, "a"),
            (2, 7, "b"),
            // The third and eighth millisecond are over: these fire after the bundle that set them.
            (3, 3, "a"),
            (3, 3, "told: a 3; b 8; b then a 9"),
            (3, 3, "told: b 8"),
            (3, 8, "b"),
            (4, 9, "a"),
            (5, 9, "end"),
        ],
    );
}

#[test]
fn processing_timers_fire_strictly_after_and_once_more_before_the_end_of_all() {
    let script = TestStream::new()
        .elements([command("wake 5; b then wake 30", 1)])
        .advance_processing_time(milliseconds(5))
        .advance_processing_time(milliseconds(1))
        .elements([command("wake 2", 2)])
        .advance_watermark(at(14))
        .advance_watermark_to_infinity();
    check(
        script,
        &[
            (0, 1, "told: wake 5; b then wake 30"),
            // It has the time of the element that set it.
            (2, 1, "wake"),
            (3, 2, "told: wake 2"),
            (3, 2, "wake"),
            (5, 9, "end"),
        ],
    );
    let script =
        TestStream::new().elements([command("wake 5; b then a 9; a then wake 7", 1)]).advance_watermark_to_infinity();
    // What the end makes fire may set event timers, but no further processing-time ones.
    check(script, &[(0, 1, "told: wake 5; b then a 9; a then wake 7"), (1, 1, "wake"), (1, 9, "a"), (1, 9, "end")]);
}

#[test]
fn timers_of_an_expired_window_are_gone_and_late_elements_come_out() {
    let script = || {
        TestStream::new()
            .elements([command("wake 5", 1)])
            .advance_watermark(at(14))
            .elements([command("a 14", 2)])
            .advance_watermark(at(15))
            .elements([command("late", 3)])
            .advance_processing_time(milliseconds(9))
    };
    check(script(), &[(0, 1, "told: wake 5"), (2, 2, "told: a 14"), (3, 9, "end"), (3, 14, "a")]);
    let dropped = play(script(), |_, commands| {
        let commands =
            commands.window(Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(5)).discarding());
        let (_, dropped) = commands.par_do_stateful_with_dropped("obey", Obedient::<false>);
        dropped.map_in("place", |dropped, at| (dropped.element.1, at.timestamp.millis(), at.window.start.millis()))
    });
    assert_eq!(dropped, [(4, ("late".to_string(), 3, 0))]);

    let pipeline = Pipeline::new();
    let commands = pipeline.test_stream("script", script()).window(Fixed::of(milliseconds(10)));
    commands.par_do_stateful("obey", Obedient::<false>);
    let report = run(&pipeline).expect("the pipeline succeeds");
    assert_eq!(report.dropped["obey"], Dropped { late: 2, closed: 0 });
}

#[test]
fn timers_and_expiries_hold_the_output_watermark() {
    let counts = |first: &str| {
        let script = TestStream::new()
            .elements([command(first, 1)])
            .advance_watermark(at(11))
            .advance_watermark(at(13))
            .advance_watermark(at(15));
        play(script, |_, commands| {
            let windows = Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(5)).discarding();
            let out = commands.window(windows).par_do_stateful("obey", Obedient::<false>);
            out.window(Fixed::of(milliseconds(5))).key_by("same", |_| ()).combine_per_key("count", Count)
        })
    };
    // The second half of the window waits to be told of the end; the first only for a timer that holds.
    assert_eq!(counts("b quiet 12"), [(1, ((), 1)), (3, ((), 1)), (3, ((), 1))]);
    let script = |first: &str| counts(first).into_iter().map(|(event, _)| event).collect::<Vec<_>>();
    assert_eq!(script("wake 99"), [3, 3]);
}

#[test]
fn sorted_elements_wait_until_nothing_earlier_can_come() {
    let script = TestStream::new()
        .elements([command("late a 4", 6), command("a 2", 3), command("second", 3)])
        .advance_watermark(at(7))
        .advance_watermark(at(9))
        .elements([command("too late", 3), command("in time", 4)])
        .advance_watermark(at(12));
    let outcome = play(script, |_, commands| {
        let commands =
            commands.window(Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(5)).discarding());
        let (out, dropped) = commands.par_do_stateful_with_dropped("obey", Obedient::<true>);
        let dropped = dropped.map("say so", |dropped| format!("dropped: {}", dropped.element.1));
        out.pipeline().flatten("both", [out, dropped])
    });
    let expected = [
        (2, "a"),
        (2, "told: a 2"),
        (2, "told: second"),
        (3, "dropped: too late"),
        (3, "told: in time"),
        (4, "told: late a 4"),
        (5, "end"),
    ];
    assert_eq!(outcome, expected.map(|(event, text)| (event, text.to_string())));
}

/// A cell whose type postcard does not take back.
#[derive(Clone)]
struct Forgetful;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Skips {
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<u8>,
}

#[derive(State)]
#[state(crate = "purlin_model")]
struct Lost {
    skips: Value<Skips>,
}

impl StatefulDoFn<u8, u8> for Forgetful {
    type State = Lost;
    type Out = Output<u8>;

    fn process(
        &mut self,
        _: &u8,
        n: u8,
        state: &mut Lost,
        _: &StateContext,
        _: &mut Output<u8>,
    ) -> Result<(), BoxError> {
        state.skips.set(Skips { maybe: (n > 7).then_some(n) });
        Ok(())
    }
}

#[test]
fn a_cell_that_does_not_survive_its_encoding_is_named() {
    let pipeline = Pipeline::new();
    pipeline.create("numbers", [(0_u8, 1_u8)]).par_do_stateful("forget", Forgetful);
    let failure = run(&pipeline).expect_err("the cell cannot be taken back");
    assert!(matches!(&failure, Failure::Transform { transform, .. } if transform == "forget"), "{failure}");
    assert!(failure.to_string().contains("cell `skips`"), "{failure}");
}
