//! What must hold of any windowing and any script (SEMANTICS §4, §12), on random ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::combine::ToVec;
use purlin_model::kernel::GroupingKernel;
use purlin_model::window::{
    Accumulation, ClosingBehavior, Fixed, Global, OnTimeBehavior, Sessions, Sliding, TimestampCombiner, WindowFn,
    WindowSet, Windowing,
};
use purlin_model::{TimeTransform, Timestamp, Trigger, milliseconds};

use super::super::TriggerMachine;
use super::harness::Harness;

fn any_trigger() -> impl Strategy<Value = Trigger> {
    let leaf = prop_oneof![
        Just(Trigger::Default),
        Just(Trigger::Never),
        Just(Trigger::after_watermark()),
        Just(Trigger::AfterSynchronizedProcessingTime),
        (1u64..5).prop_map(Trigger::AfterCount),
        (0i64..8).prop_map(|ms| Trigger::AfterProcessingTime { transforms: vec![TimeTransform::Delay(ms)] }),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        let maybe = prop::option::of(inner.clone().prop_map(Box::new));
        prop_oneof![
            (maybe.clone(), maybe).prop_map(|(early, late)| Trigger::AfterWatermark { early, late }),
            parts.clone().prop_map(Trigger::AfterEach),
            parts.clone().prop_map(Trigger::AfterFirst),
            parts.prop_map(Trigger::AfterAll),
            (inner.clone(), inner.clone()).prop_map(|(main, until)| main.or_finally(until)),
            inner.prop_map(Trigger::repeatedly),
        ]
    })
}

/// A trigger whose window takes elements until gc.
fn unfinished_trigger() -> impl Strategy<Value = Trigger> {
    let watermark =
        (any_trigger(), any_trigger()).prop_map(|(early, late)| Trigger::after_watermark().early(early).late(late));
    prop_oneof![Just(Trigger::Default), Just(Trigger::Never), any_trigger().prop_map(Trigger::repeatedly), watermark]
}

fn any_function() -> impl Strategy<Value = Arc<dyn WindowFn>> {
    prop_oneof![
        Just(Arc::new(Fixed::of(milliseconds(10))) as Arc<dyn WindowFn>),
        Just(Arc::new(Sliding::of(milliseconds(10)).every(milliseconds(4))) as Arc<dyn WindowFn>),
        Just(Arc::new(Sessions::of(milliseconds(5))) as Arc<dyn WindowFn>),
        Just(Arc::new(Sessions::of(milliseconds(9))) as Arc<dyn WindowFn>),
        Just(Arc::new(Global) as Arc<dyn WindowFn>),
    ]
}

fn windowing(trigger: impl Strategy<Value = Trigger>) -> impl Strategy<Value = Windowing> {
    let combiner = prop_oneof![
        Just(TimestampCombiner::EndOfWindow),
        Just(TimestampCombiner::Earliest),
        Just(TimestampCombiner::Latest)
    ];
    let closing = prop_oneof![Just(ClosingBehavior::Always), Just(ClosingBehavior::IfNonEmpty)];
    let on_time = prop_oneof![Just(OnTimeBehavior::Always), Just(OnTimeBehavior::IfNonEmpty)];
    let mode = prop_oneof![Just(Accumulation::Accumulating), Just(Accumulation::Discarding)];
    (any_function(), trigger, mode, 0i64..25, combiner, closing, on_time).prop_map(
        |(function, trigger, mode, lateness_ms, timestamp_combiner, closing, on_time)| Windowing {
            function,
            trigger,
            mode: Some(mode),
            allowed_lateness_ms: Some(lateness_ms),
            timestamp_combiner,
            closing,
            on_time,
            ..Windowing::default()
        },
    )
}

/// A script around a watermark that moves on, some of whose elements are late; at its end the input has ended.
fn script() -> impl Strategy<Value = Vec<String>> {
    let step = prop_oneof![
        3 => prop::collection::vec(-15i64..20, 1..5).prop_map(Step::Input),
        1 => (0i64..12).prop_map(Step::Watermark),
        1 => (1i64..9).prop_map(Step::Time),
    ];
    prop::collection::vec(step, 1..25).prop_map(|steps| {
        let mut watermark = 0;
        let mut lines: Vec<String> = Vec::new();
        for step in steps {
            lines.push(match step {
                Step::Input(offsets) => {
                    let times: Vec<String> = offsets.iter().map(|offset| (watermark + offset).to_string()).collect();
                    format!("input {}", times.join(" "))
                }
                Step::Watermark(by) => {
                    watermark += by;
                    format!("watermark {watermark}")
                }
                Step::Time(by) => format!("time +{by}"),
            });
        }
        lines.push("watermark inf".to_owned());
        lines
    })
}

#[derive(Clone, Debug)]
enum Step {
    Input(Vec<i64>),
    Watermark(i64),
    Time(i64),
}

/// How many values a line tells of.
fn values_of(line: &str) -> usize {
    let inside =
        line.split_once("\"values\":[").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(values, _)| values);
    if inside.is_empty() { 0 } else { inside.split(',').count() }
}

/// How many (element, window) pairs a step brings.
fn pairs(windowing: &Windowing, step: &str) -> usize {
    let windows = |at: &str| {
        let at = Timestamp::from_millis(at.parse().expect("a timestamp"));
        windowing.function.assign(at).len()
    };
    step.strip_prefix("input ").map_or(0, |input| input.split(' ').map(windows).sum())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn keys_budgets_and_void_timers_change_nothing(windowing in windowing(any_trigger()), script in script()) {
        let mut plain = Harness::new(&windowing, 1, usize::MAX);
        let mut many = Harness::new(&windowing, 3, 2);
        let mut keeping = Harness::new(&windowing, 1, usize::MAX);
        keeping.machine.tree.forgets_wakes = false;
        for step in &script {
            let expected = plain.step(step);
            for given in many.step(step) {
                prop_assert_eq!(&given, &expected[0], "at {}", step);
            }
            prop_assert_eq!(keeping.step(step), expected, "at {}", step);
            prop_assert_eq!(plain.machine.output_watermark(), many.machine.output_watermark());
        }
        prop_assert!(plain.machine.is_empty() && many.machine.is_empty());
        prop_assert_eq!(plain.machine.output_watermark(), Timestamp::MAX);
    }

    #[test]
    fn what_is_not_counted_as_late_comes_out_once(windowing in windowing(unfinished_trigger()), script in script()) {
        let windowing = Windowing { mode: Some(Accumulation::Discarding), ..windowing };
        let mut harness = Harness::new(&windowing, 1, usize::MAX);
        let (mut taken, mut given) = (0, 0);
        for step in &script {
            taken += pairs(&windowing, step);
            given += harness.step(step)[0].iter().map(|line| values_of(line)).sum::<usize>();
        }
        prop_assert_eq!(harness.machine.drops().closed, 0);
        prop_assert_eq!(taken, given + harness.machine.drops().late as usize);
    }

    #[test]
    fn the_last_accumulating_pane_holds_all(windowing in windowing(unfinished_trigger()), script in script()) {
        let windowing = Windowing { mode: Some(Accumulation::Accumulating), already_merged: true, ..windowing };
        let mut harness = Harness::new(&windowing, 1, usize::MAX);
        let mut latest = BTreeMap::new();
        let mut taken = 0;
        for step in &script {
            taken += pairs(&windowing, step);
            for line in &harness.step(step)[0] {
                if let Some((window, _)) = line.split_once(",\"values\"") {
                    latest.insert(window.to_owned(), values_of(line));
                }
            }
        }
        prop_assert_eq!(taken, latest.values().sum::<usize>() + harness.machine.drops().late as usize);
    }
}

/// A key without windows leaves nothing behind: its number is given to the next one.
#[test]
fn keys_are_forgotten() {
    let kernel = Arc::new(GroupingKernel::<i64, i64, ToVec>::collecting(ToVec));
    let windowing = Windowing { function: Arc::new(Sessions::of(milliseconds(10))), ..Windowing::default() };
    let mut machine = TriggerMachine::new(kernel, windowing);
    let mut out = Bundle::<(i64, Vec<i64>)>::new();
    let mut key_number = |machine: &mut TriggerMachine, key: i64, windows: WindowSet| {
        let sides = ElementSides { windows, ..ElementSides::at(Timestamp::from_millis(0)) };
        let mut bundle = Bundle::new();
        bundle.extend_with([(key, 0i64), (key, 1)], sides);
        machine.process(&mut bundle, 0, &mut out);
        machine.scratch.keys[0]
    };
    let session = Sessions::of(milliseconds(10)).assign(Timestamp::from_millis(0));
    let first = key_number(&mut machine, 1, session);
    assert!(machine.advance(Timestamp::from_millis(100), 0, 10, &mut Bundle::<(i64, Vec<i64>)>::new()));
    assert_eq!(key_number(&mut machine, 2, session), first, "its window expired");
    assert_eq!(key_number(&mut machine, 3, WindowSet::run(session.first(), 1, 0)), first, "it was late");
    assert_eq!(key_number(&mut machine, 4, session), first, "it was in no window");
    assert_eq!((machine.drops().late, machine.len()), (4, 0));
}
