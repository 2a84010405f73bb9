//! Scripts: what each event makes come out.

use purlin_model::combine::Sum;
use purlin_model::source::TestStream;
use purlin_model::window::{Fixed, Global, OnTimeBehavior, Sessions, Window, WindowFn};
use purlin_model::{DropCause, Element, PCollection, Pipeline, Timestamp, Timing, Trigger, milliseconds};

use super::{Collected, at, run};

/// Plays a script: `build` makes of its elements a collection, whose elements are given with the number of their event.
pub(super) fn play<T: Element, U: Element + Ord>(
    script: TestStream<T>,
    build: impl FnOnce(&Pipeline, PCollection<T>) -> PCollection<U>,
) -> Vec<(usize, U)> {
    let (pipeline, sink, under_way) = (Pipeline::new(), Collected::new(), script.under_way());
    let elements = pipeline.test_stream("script", script);
    let noted = build(&pipeline, elements).map("note the event", move |value| (under_way.number(), value));
    noted.write("collect", sink.clone());
    run(&pipeline).expect("the pipeline succeeds");
    let mut noted = sink.published().expect("a run that succeeds publishes");
    noted.sort();
    noted
}

fn numbers(numbers: &[i64]) -> Vec<(i64, Timestamp)> {
    numbers.iter().map(|n| (*n, at(*n))).collect()
}

fn tens() -> Fixed {
    Fixed::of(milliseconds(10))
}

#[test]
fn elements_together_are_one_bundle_and_the_watermark_fires() {
    let script = TestStream::new()
        .elements(numbers(&[1, 2, 3]))
        .elements(numbers(&[4]))
        .advance_watermark(at(9))
        .advance_watermark(at(10))
        .elements(numbers(&[5]))
        .advance_watermark(at(15))
        .elements(numbers(&[6, 11]));
    let early = Trigger::after_count(2).repeatedly();
    let trigger = Trigger::after_watermark().early(early).late(Trigger::after_count(1));
    let panes = play(script, |_, numbers| {
        let spec = tens().with().trigger(trigger).allowed_lateness(milliseconds(5)).discarding();
        let sums = numbers.window(spec).key_by("same", |_| ()).combine_per_key("sum", Sum);
        sums.map_in("timing", |((), sum), at| (sum, at.window.start.millis(), at.pane.index, shown(at.pane.timing)))
    });
    let expected = [
        (0, (6, 0, 0, "early")),
        (3, (4, 0, 1, "on time")),
        (4, (5, 0, 2, "late")),
        // Six was dropped: the watermark was past 9 + 5.
        (7, (11, 10, 0, "on time")),
    ];
    assert_eq!(panes, expected.map(|(event, (sum, start, index, timing))| (event, (sum, start, index, timing.into()))));
}

fn shown(timing: Timing) -> String {
    let shown = match timing {
        Timing::Unknown => "unknown",
        Timing::Early => "early",
        Timing::OnTime => "on time",
        Timing::Late => "late",
    };
    shown.into()
}

#[test]
fn what_one_event_makes_a_grouping_emit_is_one_bundle_downstream() {
    let script = TestStream::new().elements(numbers(&[1, 12, 23])).advance_watermark(at(20));
    let trigger = Trigger::after_count(2).repeatedly();
    let sums = play(script, |_, numbers| {
        let sums = numbers.window(tens()).key_by("same", |_| ()).combine_per_key("sum", Sum);
        let spec = Global.with().trigger(trigger).discarding();
        sums.window(spec).combine_per_key("sum again", Sum)
    });
    // Two windows end in event 1; the third brings no second pane of two.
    assert_eq!(sums, [(1, ((), 13)), (2, ((), 23))]);
}

#[test]
fn processing_time_fires_strictly_after_and_goes_on_downstream() {
    let script = || {
        TestStream::new()
            .elements([(("a".to_string(), 1), at(0))])
            .advance_processing_time(milliseconds(5))
            .elements([(("b".to_string(), 2), at(0))])
            .advance_processing_time(milliseconds(5))
            .advance_processing_time(milliseconds(1))
            .advance_processing_time(milliseconds(4))
            .advance_processing_time(milliseconds(1))
            .advance_processing_time(milliseconds(1))
    };
    let trigger = Trigger::after_processing_time(milliseconds(10)).repeatedly();
    let spec = || Global.with().trigger(trigger.clone()).discarding().on_time(OnTimeBehavior::IfNonEmpty);
    let sums = play(script(), |_, pairs| pairs.window(spec()).combine_per_key("sum", Sum));
    assert_eq!(sums, [(4, ("a".to_string(), 1)), (6, ("b".to_string(), 2))]);

    let sums = play(script(), |_, pairs| {
        let sums = pairs.window(spec()).combine_per_key("sum", Sum);
        sums.values().key_by("same", |_| ()).combine_per_key("all", Sum)
    });
    // What comes at 11 and at 16 is downstream in the same event, and due strictly after that time.
    assert_eq!(sums, [(5, ((), 1)), (7, ((), 2))]);
}

#[test]
fn elements_wait_for_their_side_input_and_hold_the_watermark() {
    let script = TestStream::new()
        .elements([(("rate".to_string(), 2), at(15))])
        .elements([(("amount".to_string(), 5), at(1)), (("amount".to_string(), 7), at(12))])
        .advance_watermark(at(10))
        .elements([(("rate".to_string(), 3), at(16))])
        .elements([(("amount".to_string(), 1), at(13))])
        .advance_watermark(at(20));
    let panes = play(script, |pipeline, all| {
        let all = all.window(tens().with().trigger(Trigger::Default).allowed_lateness(milliseconds(0)));
        let of = |kind: &'static str| all.filter(kind, move |(named, _)| named == kind).values();
        let spec = tens().with().trigger(Trigger::after_count(1).repeatedly()).accumulating();
        let rate = of("rate").window(spec).combine_globally("rates", Sum).as_optional(0);
        let converted = of("amount").map_with("convert", &rate, |amount, rate| amount * rate);
        let each = converted.map_in("each", |value, at| ("each".to_string(), at.window.start.millis(), value));
        let sums = converted.key_by("same", |_| ()).combine_per_key("sum", Sum);
        let sums = sums.map_in("sums", |((), sum), at| ("sum".to_string(), at.window.start.millis(), sum));
        pipeline.flatten("both", [each, sums])
    });
    let expected = [
        (1, "each", 10, 14),
        // No rate came before the watermark passed the window: the default; and what waited held the sum back till then.
        (2, "each", 0, 0),
        (2, "sum", 0, 0),
        // A later pane has replaced the first.
        (4, "each", 10, 5),
        (5, "sum", 10, 19),
    ];
    assert_eq!(panes, expected.map(|(event, kind, start, value)| (event, (kind.to_string(), start, value))));
}

#[test]
fn ordinary_sources_are_read_to_their_end_before_the_first_event() {
    let script = TestStream::new().elements(numbers(&[1, 2])).advance_watermark(at(10));
    let sums = play(script, |pipeline, scripted| {
        let rates = pipeline.create_at("rates", [(10, at(3)), (20, at(4))]).window(tens());
        let rate = rates.combine_globally("rate", Sum).as_singleton();
        scripted.window(tens()).map_with("convert", &rate, |n, rate| n * rate)
    });
    assert_eq!(sums, [(0, 30), (0, 60)]);
}

#[test]
fn dropped_elements_come_out_with_their_cause_and_window() {
    let script = TestStream::new()
        .elements(numbers(&[1, 1]))
        .elements(numbers(&[1]))
        .elements(numbers(&[2]))
        .advance_watermark(at(20))
        .elements(numbers(&[4, 15]));
    let dropped = play(script, |_, numbers| {
        let spec = Sessions::of(milliseconds(10)).with().trigger(Trigger::after_count(2));
        let spec = spec.allowed_lateness(milliseconds(5)).discarding().allow_data_loss();
        let (_, dropped) = numbers.window(spec).key_by("same", |_| ()).group_by_key_with_dropped("group");
        let shown = |Window { start, end, .. }: Window| (start.millis(), end.millis());
        dropped.map_in("place", move |dropped, at| {
            (dropped.element.1, dropped.cause == DropCause::Late, at.timestamp.millis(), shown(at.window))
        })
    });
    // [1, 11) is closed, [2, 12) is another window beside it, and [4, 14) has expired.
    assert_eq!(dropped, [(1, (1, false, 1, (1, 11))), (4, (4, true, 4, (4, 14)))]);
}
