//! State lives as long as its window: what is late, what is dropped, what is said at the end.

use purlin::Dropped;
use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{EventTimer, Value, WindowExpiration};

use crate::counter::{Count, CountSorted};
use crate::job::{RUNNERS, at, check, outcome};

type Words = PCollection<(u8, String)>;

fn words(script: TestStream<(u8, String)>, words: &[(u8, &str, i64)]) -> TestStream<(u8, String)> {
    script.elements(words.iter().map(|(key, word, ms)| ((*key, word.to_string()), at(*ms))))
}

fn expected(results: &[(usize, &str, i64)]) -> Vec<(usize, String, i64)> {
    results.iter().map(|(event, text, ms)| (*event, text.to_string(), *ms)).collect()
}

/// Results and, marked, what was dropped.
fn with_dropped<D>(do_fn: D, lateness_ms: u64) -> impl Fn(Words) -> PCollection<String>
where
    D: StatefulDoFn<u8, String, Out = Output<String>>,
{
    move |words| {
        let windows = Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(lateness_ms)).discarding();
        let (counts, dropped) = words.window(windows).par_do_stateful_with_dropped("stateful", do_fn.clone());
        let dropped = dropped.map("told", |Dropped { element: (key, word), cause }| format!("{cause:?}: {key} {word}"));
        counts.pipeline().flatten("all", [counts, dropped])
    }
}

#[test]
fn state_goes_with_its_window_and_what_comes_then_is_dropped() {
    let script = words(TestStream::new(), &[(1, "a", 3), (1, "b", 12)]).advance_watermark(at(14));
    // The window [0, 10) is kept until 14: b's own and the first are there still.
    let script = words(script, &[(1, "c", 3), (1, "d", 14)]).advance_watermark(at(15));
    let script = words(script, &[(1, "e", 3), (1, "f", 14)]).advance_watermark(at(1000));
    let script = words(script, &[(1, "g", 999), (1, "h", 1000)]);
    let results = [
        (0, "1: a after 0", 3),
        (0, "1: b after 0", 12),
        (2, "1: c after 1", 3),
        (2, "1: d after 1", 14),
        (4, "1: f after 2", 14),
        (4, "Late: 1 e", 3),
        (6, "1: g after 0", 999),
        (6, "1: h after 0", 1000),
    ];
    check(script, with_dropped(Count, 5), &expected(&results));
}

#[test]
fn each_window_of_an_element_has_its_own_state_and_is_late_by_itself() {
    let sliding = |words: Words| {
        let windows = Sliding::of(milliseconds(10)).every(milliseconds(5));
        let (counts, dropped) = words.window(windows).par_do_stateful_with_dropped("stateful", Count);
        let dropped = dropped.map("told", |dropped| format!("dropped {}", dropped.element.1));
        let of_window = |text: String, at: &At| format!("{text} in {}", at.window.start.millis());
        let counts = counts.map_in("counted", move |text, at| of_window(text, &at));
        let dropped = dropped.map_in("left", move |text, at| of_window(text, &at));
        counts.pipeline().flatten("all", [counts, dropped])
    };
    let script = words(TestStream::new(), &[(1, "a", 6)]).advance_watermark(at(10));
    let script = words(script, &[(1, "b", 6)]);
    let results = [
        (0, "1: a after 0 in 0", 6),
        (0, "1: a after 0 in 5", 6),
        (2, "1: b after 1 in 5", 6),
        (2, "dropped b in 0", 6),
    ];
    check(script, sliding, &expected(&results));
}

#[test]
fn sorted_input_comes_in_the_order_of_time_once_nothing_earlier_can() {
    let script = words(TestStream::new(), &[(1, "c", 7), (1, "a", 1), (2, "x", 2), (1, "b", 4)])
        .advance_watermark(at(3))
        .advance_watermark(at(4))
        .advance_watermark(at(6));
    // Without lateness what stands before the watermark is late, though its window is open.
    let script = words(script, &[(1, "d", 5), (1, "e", 6)]);
    let results = [
        (1, "1: a after 0", 1),
        (1, "2: x after 0", 2),
        (2, "1: b after 1", 4),
        (4, "1: e after 2", 6),
        (4, "Late: 1 d", 5),
        (5, "1: c after 3", 7),
    ];
    check(script, with_dropped(CountSorted, 0), &expected(&results));
    // With it elements wait that much longer, and may come that much later.
    let script =
        words(TestStream::new(), &[(1, "c", 7), (1, "a", 1)]).advance_watermark(at(5)).advance_watermark(at(6));
    let script = words(script, &[(1, "b", 1), (1, "d", 0)]).advance_watermark(at(12));
    let results = [(2, "1: a after 0", 1), (3, "1: b after 1", 1), (3, "Late: 1 d", 0), (4, "1: c after 2", 7)];
    check(script, with_dropped(CountSorted, 5), &expected(&results));
}

/// Says at the end how many there were; its timer fires before.
#[derive(Clone)]
struct AtTheEnd;

#[derive(State)]
struct Ending {
    count: Value<u64>,
    before: EventTimer,
    end: WindowExpiration,
}

impl StatefulDoFn<u8, String> for AtTheEnd {
    type State = Ending;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        _: String,
        state: &mut Ending,
        _: &StateContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        *state.count.get_or_insert_with(|| 0) += 1;
        state.before.set_relative(hours(1));
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u8,
        state: &mut Ending,
        _: &TimerContext,
        _: &mut Output<String>,
    ) -> Result<(), BoxError> {
        *state.count.get_or_insert_with(|| 0) += 100;
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        state: &mut Ending,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("{key}: {:?}, kept until {}", state.count.get(), cx.firing_time().millis()));
        Ok(())
    }
}

#[test]
fn a_window_that_expires_is_told_after_its_timers_and_emits_at_its_end() {
    let windows = || Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(5)).discarding();
    let script = words(TestStream::new(), &[(1, "a", 3), (2, "b", 4), (1, "c", 5), (1, "d", 17)])
        .advance_watermark(at(14))
        .advance_watermark(at(15));
    let results = [
        (2, "1: Some(102), kept until 14", 9),
        (2, "2: Some(101), kept until 14", 9),
        (3, "1: Some(101), kept until 24", 19),
    ];
    check(
        script.clone(),
        |words: Words| words.window(windows()).par_do_stateful("stateful", AtTheEnd),
        &expected(&results),
    );
    // Until then it holds the watermark there: what it says is not late downstream.
    let counted = |words: Words| {
        let said = words.window(windows()).par_do_stateful("stateful", AtTheEnd);
        said.window(Fixed::of(milliseconds(10))).combine_globally("count", purlin::combine::Count)
    };
    let on_time: Vec<(usize, u64, i64)> = vec![(2, 2, 9), (3, 1, 19)];
    for runner in RUNNERS {
        let seen = outcome(runner, &script, counted).expect("it runs");
        let panes: Vec<_> = seen.into_iter().filter(|(_, count, _)| *count > 0).collect();
        assert_eq!(panes, on_time, "{runner:?}");
    }
}

/// The same with elements in the order of time.
#[derive(Clone)]
struct SortedToTheEnd;

impl StatefulDoFn<u8, String> for SortedToTheEnd {
    type State = Ending;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        key: &u8,
        word: String,
        state: &mut Ending,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        AtTheEnd.process(key, word, state, cx, out)
    }

    fn on_timer(
        &mut self,
        key: &u8,
        state: &mut Ending,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        AtTheEnd.on_timer(key, state, cx, out)
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        state: &mut Ending,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        AtTheEnd.on_window_expiration(key, state, cx, out)
    }
}

/// Timers and ends have their place in the order of the elements: they are the lateness behind the watermark, too, whatever waits.
#[test]
fn with_sorted_input_windows_end_when_the_order_is_certain() {
    let windows = || Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(5)).discarding();
    let script = words(TestStream::new(), &[(1, "a", 3), (2, "b", 17)])
        .advance_watermark(at(19))
        .advance_watermark(at(20))
        .advance_watermark(at(29))
        .advance_watermark(at(30));
    let results = [(2, "1: Some(101), kept until 14", 9), (4, "2: Some(101), kept until 24", 19)];
    let build = |words: Words| words.window(windows()).par_do_stateful("stateful", SortedToTheEnd);
    check(script, build, &expected(&results));
}

#[test]
fn windows_that_may_still_merge_have_no_state() {
    let pipeline = Pipeline::new();
    let pairs = pipeline.create("pairs", [(1_u8, "a".to_string())]).window(Sessions::of(seconds(1)));
    drop(pairs.par_do_stateful("remember", Count));
    // After a grouping they do not merge any more.
    let grouped = pairs.group_by_key("group").map_values("first", |mut words| words.remove(0));
    drop(grouped.par_do_stateful("remember groups", Count));
    let failure = pipeline.graph().map(|_| ()).expect_err("sessions merge");
    assert!(failure.is_misuse());
    let told = failure.to_string();
    assert!(
        told.starts_with("the pipeline cannot be built: transform `remember`: it keeps state per key and window"),
        "{told}"
    );
    assert!(told.contains("sessions") && told.contains("group by key first"), "{told}");
}

#[test]
fn sessions_that_were_grouped_keep_state() {
    let build = |words: Words| {
        let sessions = words.window(Sessions::of(milliseconds(10))).group_by_key("sessions");
        sessions
            .map_values("sorted", |mut words| {
                words.sort();
                words.concat()
            })
            .par_do_stateful("stateful", Count)
    };
    let script = words(TestStream::new(), &[(1, "a", 0), (1, "b", 5), (1, "c", 30)]).advance_watermark(at(15));
    check(script, build, &expected(&[(1, "1: ab after 0", 14), (2, "1: c after 0", 39)]));
}
