//! Timers: when they fire, in what order, and at what timestamps they emit.

use purlin::prelude::*;
use purlin::source::TestStream;

use crate::commands::{Command, Do, Obedient, tell};
use crate::job::{at, check, check_failure};

type Told = (u8, Vec<Command>);

/// Windows of 100 ms with this lateness.
fn windowed(lateness_ms: u64, then: &[(&'static str, Command)]) -> impl Fn(PCollection<Told>) -> PCollection<String> {
    let then = then.to_vec();
    move |told: PCollection<Told>| {
        let windows = Fixed::of(milliseconds(100)).with().allowed_lateness(milliseconds(lateness_ms)).discarding();
        told.window(windows).par_do_stateful("stateful", Obedient { then: then.clone() })
    }
}

fn expected(results: &[(usize, &str, i64)]) -> Vec<(usize, String, i64)> {
    results.iter().map(|(event, text, ms)| (*event, text.to_string(), *ms)).collect()
}

use Command::{Call, Emit, Flush, Tag, Wake};

#[test]
fn an_event_timer_fires_when_the_watermark_has_passed_it() {
    let script = tell(TestStream::new(), &[(1, 5, &[Flush(Do::At(30))]), (2, 5, &[Flush(Do::At(31))])])
        .advance_watermark(at(30))
        .advance_watermark(at(31))
        .advance_watermark(at(40));
    check(script, windowed(0, &[]), &expected(&[(2, "1: flush 30", 30), (3, "2: flush 31", 31)]));
}

#[test]
fn setting_overwrites_and_clearing_deletes() {
    let script = tell(TestStream::new(), &[(1, 0, &[Flush(Do::At(10))]), (2, 0, &[Flush(Do::At(10))])]);
    let script = tell(script, &[(1, 1, &[Flush(Do::At(50))]), (2, 1, &[Flush(Do::Clear)])]);
    let script = tell(script, &[(3, 1, &[Flush(Do::At(10)), Flush(Do::Clear), Flush(Do::At(11))])])
        .advance_watermark(at(40))
        .advance_watermark(at(60));
    check(script, windowed(0, &[]), &expected(&[(3, "3: flush 11", 11), (4, "1: flush 50", 50)]));
}

#[test]
fn timers_fire_in_the_order_of_time_also_those_set_meanwhile() {
    // Each says what it saw: with one key the order of firing is that of the trace's numbers.
    #[derive(Clone)]
    struct Counting;

    impl StatefulDoFn<u8, Vec<Command>> for Counting {
        type State = (purlin::state::EventTimerFamily<u8>, purlin::state::Value<u64>);
        type Out = Output<String>;

        fn process(
            &mut self,
            _: &u8,
            _: Vec<Command>,
            state: &mut Self::State,
            _: &StateContext,
            _: &mut Output<String>,
        ) -> Result<(), BoxError> {
            [(0, 40), (1, 20), (2, 60)].into_iter().for_each(|(tag, ms)| state.0.set(tag, at(ms)));
            Ok(())
        }

        fn on_timer(
            &mut self,
            _: &u8,
            state: &mut Self::State,
            cx: &TimerContext,
            out: &mut Output<String>,
        ) -> Result<(), BoxError> {
            let tag = state.0.fired().copied().ok_or("nothing fired")?;
            *state.1.get_or_insert_with(|| 0) += 1;
            let number = state.1.get().copied().unwrap_or_default();
            // The first to fire sets one between the others, and one that is due at once.
            if number == 1 {
                state.0.set(7, at(50));
                state.0.set(8, at(3));
            }
            out.emit(format!("{number}: {tag} at {}", cx.firing_time().millis()));
            Ok(())
        }
    }

    let script = tell(TestStream::new(), &[(1, 0, &[])]).advance_watermark(at(99));
    let results = [
        (1, "1: 1 at 20", 20),
        (1, "2: 8 at 3", 3),
        (1, "3: 0 at 40", 40),
        (1, "4: 7 at 50", 50),
        (1, "5: 2 at 60", 60),
    ];
    let build =
        |told: PCollection<Told>| told.window(Fixed::of(milliseconds(100))).par_do_stateful("stateful", Counting);
    check(script, build, &expected(&results));
}

#[test]
fn members_of_a_family_are_timers_of_their_own() {
    let all = [Tag(1, Do::At(20)), Tag(2, Do::At(30)), Tag(3, Do::At(40)), Tag(1, Do::At(50)), Tag(3, Do::Clear)];
    let script = tell(TestStream::new(), &[(1, 0, &all)]).advance_watermark(at(99));
    let then = [("tag 30", Tag(4, Do::In(1))), ("tag 2 30", Tag(4, Do::In(1)))];
    let results = [(1, "1: tag 1 50", 50), (1, "1: tag 2 30", 30), (1, "1: tag 4 31", 31)];
    check(script, windowed(0, &then), &expected(&results));

    let calls = [Call(1, Do::In(20)), Call(2, Do::In(10)), Call(2, Do::In(30))];
    let script = tell(TestStream::new(), &[(1, 0, &calls)])
        .advance_processing_time(milliseconds(21))
        .advance_processing_time(milliseconds(10));
    check(script, windowed(0, &[]), &expected(&[(1, "1: call 1 20", 0), (2, "1: call 2 30", 0)]));
}

#[test]
fn a_processing_time_timer_fires_when_its_time_has_passed() {
    let script = tell(TestStream::new(), &[(1, 5, &[Wake(Do::In(10))]), (2, 6, &[Wake(Do::At(11))])])
        .advance_processing_time(milliseconds(10))
        .advance_processing_time(milliseconds(1))
        .advance_processing_time(milliseconds(1));
    // It emits at the time of the element that set it.
    check(script, windowed(0, &[]), &expected(&[(2, "1: wake 10", 5), (3, "2: wake 11", 6)]));
}

#[test]
fn when_input_ends_pending_processing_time_timers_fire_once_before_their_window_expires() {
    let script = tell(TestStream::new(), &[(1, 5, &[Wake(Do::In(3000))]), (2, 6, &[Wake(Do::In(1000))])]);
    let then = [("wake 3000", Wake(Do::In(1))), ("wake 1000", Flush(Do::At(50)))];
    let results = [(1, "1: wake 3000", 5), (1, "2: flush 50", 50), (1, "2: wake 1000", 6)];
    check(script, windowed(0, &then), &expected(&results));
    // Those of a window that expires before the end never fire.
    let script = tell(TestStream::new(), &[(1, 5, &[Wake(Do::In(10))])])
        .advance_watermark(at(100))
        .advance_processing_time(milliseconds(20));
    check(script, windowed(0, &[]), &expected(&[]));
}

#[test]
fn a_relative_timer_keeps_within_its_window() {
    let script = tell(TestStream::new(), &[(1, 5, &[Flush(Do::In(10))]), (2, 5, &[Flush(Do::In(100_000))])])
        .advance_watermark(at(149))
        .advance_watermark(at(150));
    check(script, windowed(50, &[]), &expected(&[(1, "1: flush 15", 15), (2, "2: flush 149", 149)]));
}

/// A timer that sets itself fires until no time is left.
#[test]
fn a_looping_timer_ends_with_its_window() {
    let times = ["flush 40", "flush 70", "flush 99"].map(|report| (report, Flush(Do::In(30))));
    let script = tell(TestStream::new(), &[(1, 10, &[Flush(Do::In(30))])]).advance_watermark(at(75));
    let results = [(1, "1: flush 40", 40), (1, "1: flush 70", 70), (2, "1: flush 99", 99)];
    check(script, windowed(0, &times), &expected(&results));
}

#[test]
fn timers_beyond_the_end_of_their_window_are_refused() {
    let script = || tell(TestStream::new(), &[(1, 5, &[Flush(Do::At(150))])]);
    check_failure(script(), windowed(50, &[]), &["timer `flush`", "forgotten after", "set_relative"]);
    let script = || tell(TestStream::new(), &[(1, 5, &[Tag(9, Do::At(10))])]);
    check_failure(script(), windowed(50, &[("tag 9 10", Tag(1, Do::At(151)))]), &["timer `by_tag`", "forgotten after"]);
}

#[test]
fn output_times_out_of_range_are_refused() {
    for (output, commands) in [
        (4, [Flush(Do::AtHolding(20, 4))]),
        (150, [Flush(Do::AtHolding(20, 150))]),
        (4, [Wake(Do::AtHolding(1000, 4))]),
        (150, [Wake(Do::AtHolding(1000, 150))]),
    ] {
        let script = tell(TestStream::new(), &[(1, 5, &commands)]);
        check_failure(script, windowed(50, &[]), &[&format!("{}", at(output)), "output time", "does not lie between"]);
    }
    // In a firing the timer's own output time bounds it, not its time.
    let script = || tell(TestStream::new(), &[(1, 5, &[Flush(Do::AtHolding(20, 7))])]);
    check_failure(script(), windowed(50, &[("flush 20", Flush(Do::AtHolding(30, 6)))]), &["does not lie between"]);
    let results = expected(&[(1, "1: flush 20", 7), (1, "1: flush 30", 7)]);
    check(script(), windowed(50, &[("flush 20", Flush(Do::AtHolding(30, 7)))]), &results);
}

#[test]
fn nothing_is_emitted_before_what_is_at_hand() {
    let script = tell(TestStream::new(), &[(1, 5, &[Emit(5), Emit(99)])]);
    check(script, windowed(0, &[]), &expected(&[(0, "emitted", 5), (0, "emitted", 99)]));
    let script = tell(TestStream::new(), &[(1, 5, &[Emit(4)])]);
    check_failure(script, windowed(0, &[]), &["emitted at 1970-01-01T00:00:00.004Z", "before", "earlier output time"]);
    let script = || tell(TestStream::new(), &[(1, 5, &[Flush(Do::AtHolding(20, 10))])]);
    check_failure(script(), windowed(0, &[("flush 20", Emit(9))]), &["emitted at 1970-01-01T00:00:00.009Z"]);
    let results = expected(&[(1, "1: flush 20", 10), (1, "emitted", 10)]);
    check(script(), windowed(0, &[("flush 20", Emit(10))]), &results);
}

/// A timer holds the watermark of what stands downstream at its output time; here windows of 10 ms are counted.
#[test]
fn timers_hold_the_output_watermark() {
    let downstream = |told: PCollection<Told>| {
        let told = told.window(Fixed::of(milliseconds(100)));
        let fired = told.par_do_stateful("stateful", Obedient::default());
        let all = fired.pipeline().flatten("all", [fired, told.map("arrived", |_| "element".to_string())]);
        all.window(Fixed::of(milliseconds(10))).combine_globally("count", Count)
    };
    let script = |timer: Command| {
        tell(TestStream::new(), &[(1, 5, &[timer])]).advance_watermark(at(35)).advance_processing_time(milliseconds(50))
    };
    // Due at 30, and held there: the element's own window closes with the first advance, the timer's later.
    check(script(Flush(Do::At(30))), downstream, &[(1, 1, 9), (3, 1, 39)]);
    // Held at the element's time: until the timer has fired, its window stays open.
    check(script(Flush(Do::AtHolding(60, 5))), downstream, &[(3, 2, 9)]);
    check(script(Wake(Do::In(40))), downstream, &[(2, 2, 9)]);
    // Held in between.
    check(script(Flush(Do::AtHolding(60, 20))), downstream, &[(1, 1, 9), (3, 1, 29)]);
    // Not held: what it emits at 5 comes late and is dropped.
    check(script(Wake(Do::AtNotHeld(40))), downstream, &[(1, 1, 9)]);
}
