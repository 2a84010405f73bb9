//! Cells with a time to live, by either clock.

use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{EventTime, EventTimer, Expires, ProcessingTime, SetCell, Value};

use crate::job::{at, check};

#[derive(State)]
struct Cells {
    by_event: Value<i64, Expires<EventTime, 10>>,
    by_clock: SetCell<i64, Expires<ProcessingTime, 10>>,
    later: EventTimer,
}

/// Tells what it finds, then writes. An even number sets a timer 20 ms later.
#[derive(Clone)]
struct Look;

impl Look {
    fn found(cells: &Cells) -> String {
        let mut by_clock: Vec<i64> = cells.by_clock.iter().copied().collect();
        by_clock.sort();
        format!("{:?} and {by_clock:?}", cells.by_event.get())
    }
}

impl StatefulDoFn<u8, i64> for Look {
    type State = Cells;
    type Out = Output<String>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        cells: &mut Cells,
        _: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("{n} finds {}", Self::found(cells)));
        cells.by_event.set(n);
        cells.by_clock.insert(n);
        if n % 2 == 0 {
            cells.later.set_relative(milliseconds(20));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u8,
        cells: &mut Cells,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("timer finds {}", Self::found(cells)));
        Ok(())
    }
}

fn numbers(script: TestStream<(u8, i64)>, numbers: &[(i64, i64)]) -> TestStream<(u8, i64)> {
    script.elements(numbers.iter().map(|(n, ms)| ((1, *n), at(*ms))))
}

fn expected(results: &[(usize, &str, i64)]) -> Vec<(usize, String, i64)> {
    results.iter().map(|(event, text, ms)| (*event, text.to_string(), *ms)).collect()
}

#[test]
fn event_time_is_that_of_the_element_or_timer_at_hand() {
    // All at once or with the watermark: the same is found, for input is sorted.
    let results = [
        ("1 finds None and []", 0),
        ("2 finds Some(1) and [1]", 9),
        ("3 finds None and [1, 2]", 19),
        ("4 finds Some(3) and [1, 2, 3]", 28),
        ("timer finds None and [1, 2, 3, 4]", 48),
    ];
    let at_once = numbers(TestStream::new(), &[(4, 28), (1, 0), (3, 19), (2, 9)]);
    let all_at_end: Vec<_> = results.iter().map(|(text, ms)| (1, text.to_string(), *ms)).collect();
    check(at_once, |pairs| pairs.par_do_stateful("stateful", Look), &sorted(all_at_end));
    let with_watermark = numbers(TestStream::new(), &[(4, 28), (1, 0), (3, 19), (2, 9)])
        .advance_watermark(at(9))
        .advance_watermark(at(18))
        .advance_watermark(at(40))
        .advance_watermark(at(1000));
    let events = [1, 1, 3, 3, 4];
    let seen = results.iter().zip(events).map(|((text, ms), event)| (event, text.to_string(), *ms)).collect();
    check(with_watermark, |pairs| pairs.par_do_stateful("stateful", Look), &sorted(seen));
}

fn sorted(mut results: Vec<(usize, String, i64)>) -> Vec<(usize, String, i64)> {
    results.sort();
    results
}

#[test]
fn processing_time_goes_on_by_itself() {
    let script =
        numbers(TestStream::new(), &[(1, 0)]).advance_watermark(at(0)).advance_processing_time(milliseconds(5));
    let script = numbers(script, &[(3, 1)]).advance_watermark(at(1)).advance_processing_time(milliseconds(5));
    let script = numbers(script, &[(5, 2)]).advance_watermark(at(2)).advance_processing_time(milliseconds(20));
    let script = numbers(script, &[(7, 3)]);
    let results = [
        (1, "1 finds None and []", 0),
        (4, "3 finds Some(1) and [1]", 1),
        (7, "5 finds Some(3) and [3]", 2),
        (10, "7 finds Some(5) and []", 3),
    ];
    check(script, |pairs| pairs.par_do_stateful("stateful", Look), &expected(&results));
}
