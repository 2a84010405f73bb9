//! What cells hold: by key, by window, as long as the window lives.

use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{Bag, Combining, EventTimer, MapCell, ProcessingTimer, SetCell, Value, WindowExpiration};

use crate::job::{RUNNERS, at, check};

#[derive(State)]
struct All {
    last: Value<i64>,
    recent: Bag<i64>,
    total: Combining<Sum, i64>,
    by_parity: MapCell<bool, i64>,
    seen: SetCell<i64>,
    flush: EventTimer,
    wake: ProcessingTimer,
    end: WindowExpiration,
}

/// Uses each kind of cell and timer, and says at the window's end what it knows.
#[derive(Clone)]
struct Witness;

impl StatefulDoFn<u8, i64> for Witness {
    type State = All;
    type Out = Output<String>;

    fn process(
        &mut self,
        key: &u8,
        n: i64,
        state: &mut All,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let last = state.last.get().copied();
        state.last.set(n);
        state.recent.add(n);
        state.total.add(n);
        *state.by_parity.get_or_insert_with(n % 2 == 0, || 0) += 1;
        let is_new = state.seen.insert(n);
        state.flush.set(cx.window().start + milliseconds(5));
        state.wake.set_relative(milliseconds(0));
        out.emit(format!("{key} took {n} after {last:?}, new {is_new}"));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        state: &mut All,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        if state.flush.fired() {
            assert!(!state.wake.fired() && !state.flush.is_set());
            out.emit(format!("{key} timer at {}", cx.firing_time().millis()));
        }
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        state: &mut All,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let (odd, even) = (state.by_parity.get(&false), state.by_parity.get(&true));
        let mut recent = state.recent.take();
        recent.sort();
        out.emit(format!(
            "{key} ends: {recent:?}, total {}, odd {odd:?}, even {even:?}, {} distinct",
            state.total.get(),
            state.seen.len()
        ));
        Ok(())
    }
}

#[test]
fn each_key_and_window_has_its_own() {
    let elements = [((1, 7), 0), ((2, 8), 1), ((1, 7), 4), ((1, 2), 9), ((1, 5), 10)];
    let script = TestStream::new().elements(elements.map(|(element, ms)| (element, at(ms)))).advance_watermark(at(12));
    let expected = [
        (0, "1 took 2 after Some(7), new true", 9),
        (0, "1 took 5 after None, new true", 10),
        (0, "1 took 7 after None, new true", 0),
        (0, "1 took 7 after Some(7), new false", 4),
        (0, "2 took 8 after None, new true", 1),
        (1, "1 ends: [2, 7, 7], total 16, odd Some(2), even Some(1), 2 distinct", 9),
        (1, "1 timer at 5", 5),
        (1, "2 ends: [8], total 8, odd None, even Some(1), 1 distinct", 9),
        (1, "2 timer at 5", 5),
        (2, "1 ends: [5], total 5, odd Some(1), even None, 1 distinct", 19),
        (2, "1 timer at 15", 15),
    ];
    let expected = expected.map(|(event, text, ms)| (event, text.to_string(), ms));
    check(
        script,
        |numbers| numbers.window(Fixed::of(milliseconds(10))).par_do_stateful("stateful", Witness),
        &expected,
    );
}

/// Remembers the whole element.
#[derive(Clone)]
struct Keep;

impl StatefulDoFn<u8, serde_json::Value> for Keep {
    type State = (Value<u8>, Value<serde_json::Value>);
    type Out = Output<u8>;

    fn process(
        &mut self,
        key: &u8,
        value: serde_json::Value,
        (_, held): &mut Self::State,
        _: &StateContext,
        out: &mut Output<u8>,
    ) -> Result<(), BoxError> {
        held.set(value);
        out.emit(*key);
        Ok(())
    }
}

#[test]
fn a_state_that_does_not_survive_as_bytes_fails_by_name() {
    for runner in RUNNERS {
        let pipeline = Pipeline::new();
        let texts = pipeline.create("texts", [(1_u8, "{\"a\": 1}".to_string())]);
        let values = texts.map_values("parsed", |text| serde_json::from_str(&text).unwrap_or(serde_json::Value::Null));
        drop(values.with_coder(purlin::coder::Json).par_do_stateful("keep", Keep));
        let failure = runner.run(&pipeline.graph().expect("a sound graph")).expect_err("it is no type for state");
        let told = failure.to_string();
        assert!(
            told.starts_with("transform `keep` failed: cell `1` (Value<serde_json::value::Value>) cannot be"),
            "{told}"
        );
    }
}
