//! Random windowings: all window functions, all triggers nested to depth three, all settings.

use std::sync::Arc;

use proptest::prelude::*;
use purlin_model::window::{
    Accumulation, ClosingBehavior, Fixed, Global, Merged, OnTimeBehavior, Sessions, Sliding, TimestampCombiner, Window,
    WindowFn, WindowSet, Windowing,
};
use purlin_model::{TimeTransform, Timestamp, Trigger, milliseconds};

/// Any windowing whose windows are a few milliseconds long.
pub(crate) fn any() -> impl Strategy<Value = Windowing> {
    let combiner = prop_oneof![
        Just(TimestampCombiner::EndOfWindow),
        Just(TimestampCombiner::Earliest),
        Just(TimestampCombiner::Latest)
    ];
    let mode = prop_oneof![Just(Accumulation::Accumulating), Just(Accumulation::Discarding)];
    let closing = prop_oneof![Just(ClosingBehavior::Always), Just(ClosingBehavior::IfNonEmpty)];
    let on_time = prop_oneof![Just(OnTimeBehavior::Always), Just(OnTimeBehavior::IfNonEmpty)];
    let lateness = prop_oneof![Just(0), 1i64..25];
    (function(), trigger(), mode, lateness, combiner, closing, on_time).prop_map(
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

fn function() -> impl Strategy<Value = Arc<dyn WindowFn>> {
    let fixed =
        (5u64..12, 0u64..12).prop_map(|(size, offset)| Fixed::of(milliseconds(size)).offset(milliseconds(offset)));
    let sliding = (3u64..12, 2u64..8, 0u64..8).prop_map(|(size, period, offset)| {
        Sliding::of(milliseconds(size)).every(milliseconds(period)).offset(milliseconds(offset))
    });
    let sessions = (3u64..12).prop_map(|gap| Sessions::of(milliseconds(gap)));
    prop_oneof![
        2 => fixed.prop_map(arc),
        2 => sliding.prop_map(arc),
        4 => sessions.prop_map(arc),
        1 => (3u64..6, 1i64..12).prop_map(|(gap, after_ms)| arc(Echoes { sessions: Sessions::of(milliseconds(gap)), after_ms })),
        1 => Just(arc(Global)),
    ]
}

/// Sessions to which each element belongs twice, the second time a little later.
#[derive(Debug)]
pub(crate) struct Echoes {
    pub(crate) sessions: Sessions,
    pub(crate) after_ms: i64,
}

impl WindowFn for Echoes {
    fn name(&self) -> String {
        format!("{} and echoes after {} ms", self.sessions.name(), self.after_ms)
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        WindowSet::run(self.sessions.assign(at).first(), self.after_ms, 2)
    }

    fn is_merging(&self) -> bool {
        true
    }

    fn merge(&self, windows: &[Window]) -> Vec<Merged> {
        self.sessions.merge(windows)
    }
}

pub(crate) fn arc(function: impl WindowFn) -> Arc<dyn WindowFn> {
    Arc::new(function)
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let align = |(period_ms, offset_ms)| TimeTransform::Align { period_ms, offset_ms };
    let align = (1i64..8, -5i64..8).prop_map(align);
    let after = |transforms| Trigger::AfterProcessingTime { transforms };
    let leaf = prop_oneof![
        1 => Just(Trigger::Default),
        1 => Just(Trigger::Never),
        2 => Just(Trigger::after_watermark()),
        1 => Just(Trigger::AfterSynchronizedProcessingTime),
        3 => (1u64..5).prop_map(Trigger::AfterCount),
        2 => (0i64..8).prop_map(move |ms| after(vec![TimeTransform::Delay(ms)])),
        1 => align.clone().prop_map(move |align| after(vec![align])),
        1 => (0i64..8, align).prop_map(move |(ms, align)| after(vec![TimeTransform::Delay(ms), align])),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        let maybe = prop::option::of(inner.clone().prop_map(Box::new));
        prop_oneof![
            2 => (maybe.clone(), maybe).prop_map(|(early, late)| Trigger::AfterWatermark { early, late }),
            1 => parts.clone().prop_map(Trigger::AfterEach),
            1 => parts.clone().prop_map(Trigger::AfterFirst),
            1 => parts.prop_map(Trigger::AfterAll),
            1 => (inner.clone(), inner.clone()).prop_map(|(main, until)| main.or_finally(until)),
            2 => inner.prop_map(Trigger::repeatedly),
        ]
    })
}
