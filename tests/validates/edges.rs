//! The edges of time: elements at the first and the last timestamp that there may be, through all that looks at time.

use purlin::prelude::*;
use purlin::state::{EventTime, EventTimer, ProcessingTime, WindowExpiration};
use purlin::testing::{ScriptedSource, TestStream, check};

use crate::test;

const EDGES: [Timestamp; 4] = [
    Timestamp::MIN,
    Timestamp::from_millis(Timestamp::MIN.millis() + 1),
    Timestamp::from_millis(Timestamp::GLOBAL_MAX.millis() - 1),
    Timestamp::GLOBAL_MAX,
];

fn elements() -> Vec<(i64, Timestamp)> {
    (1..).zip(EDGES).collect()
}

/// The elements, bounded, and once more in a script that moves the watermark between them.
fn everywhere(check: impl Fn(PCollection<i64>)) {
    let bounded = test();
    check(bounded.read("numbers", ScriptedSource::new([elements()]).bundles_of(1).moving_watermark(true)));
    bounded.run();
    let scripted = test();
    let script = elements().into_iter().fold(TestStream::new(), |script, (n, time)| {
        script.advance_watermark(time).elements([(n, time)]).advance_processing_time(seconds(1))
    });
    check(scripted.test_stream("numbers", script.advance_watermark_to_infinity()));
    scripted.run();
}

#[test]
fn windows() {
    everywhere(|numbers| {
        let sums = |windows: WindowSpec, name: &str| {
            let sums = numbers.window(windows).combine_globally(name, Sum);
            sums.map_in(&format!("{name}, told"), |sum, at| (sum, at.timestamp == at.window.max_timestamp()))
        };
        check(&sums(Fixed::of(days(3)).with(), "fixed")).contains_in_any_order([(3, true), (7, true)]);
        check(&sums(Sessions::of(hours(1)).with(), "sessions")).contains_in_any_order([(3, true), (7, true)]);
        let sliding = Sliding::of(seconds(10)).every(seconds(5));
        check(&sums(sliding.with(), "sliding").filter("in time", |(_, in_time)| !in_time)).is_empty();
        check(&sums(sliding.with(), "sliding again")).satisfies(|sums| {
            assert_eq!(sums.iter().map(|(sum, _)| sum).sum::<i64>(), 20, "each is in two windows: {sums:?}");
        });
        check(&sums(Fixed::of(days(3)).with().allowed_lateness(days(300)).discarding(), "with lateness"))
            .contains_in_any_order([(3, true), (7, true)]);
    });
}

/// A timer as far as it goes, and the end of the window.
#[derive(Clone)]
struct AtTheEnd;

impl StatefulDoFn<(), i64> for AtTheEnd {
    type State = (EventTimer, WindowExpiration);
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &(),
        n: i64,
        (timer, _): &mut Self::State,
        _: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        timer.set_relative(days(100_000));
        out.emit(n.to_string());
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &(),
        _: &mut Self::State,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit(format!("timer at the end: {}", cx.firing_time() == cx.window().max_timestamp()));
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        _: &(),
        _: &mut Self::State,
        _: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        out.emit("end".into());
        Ok(())
    }
}

#[test]
fn state_and_timers() {
    everywhere(|numbers| {
        let keyed = numbers.map("key", |n| ((), n)).window(Fixed::of(days(3)));
        let told = ["1", "2", "3", "4", "timer at the end: true", "timer at the end: true", "end", "end"];
        check(&keyed.par_do_stateful("stateful", AtTheEnd)).contains_in_any_order(told.map(String::from));
        check(&keyed.group_into_batches("batches", Batches::of(9).max_buffering(days(2))))
            .contains_groups([((), vec![1, 2]), ((), vec![3, 4])]);
        let once = keyed.deduplicate_per_key("by event time", EventTime, days(2)).map("value", |((), n)| n);
        check(&once).satisfies(|once| assert!(once.len() == 2, "{once:?}"));
        let once = keyed.deduplicate_per_key("by the clock", ProcessingTime, days(2)).map("value too", |((), n)| n);
        check(&once).satisfies(|once| assert!(once.len() == 2, "{once:?}"));
    });
}

#[test]
fn side_inputs_and_signals() {
    everywhere(|numbers| {
        let windowed = numbers.window(Fixed::of(days(3)));
        let sum = windowed.combine_globally("sum", Sum).as_singleton();
        check(&windowed.map_with("look up", &sum, |n, sum| (n, *sum))).is_map([(1, 3), (2, 3), (3, 7), (4, 7)]);
        check(&windowed.wait_on("wait", &windowed.map("signal", |n| n))).contains_in_any_order([1, 2, 3, 4]);
    });
}
