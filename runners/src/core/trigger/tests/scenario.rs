//! Conformance scenarios as data: the notation of `tests/data/conformance`.

use std::sync::Arc;
use std::time::Duration;

use purlin_model::window::{
    Accumulation, ClosingBehavior, Fixed, Global, OnTimeBehavior, Sessions, Sliding, TimestampCombiner, WindowFn,
    Windowing,
};
use purlin_model::{TimeTransform, Trigger, milliseconds};

pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) windowing: Windowing,
    /// The steps as they stand.
    pub(super) steps: Vec<String>,
}

pub(super) fn all() -> Vec<Scenario> {
    let text = include_str!("../../../../../tests/data/conformance/scenarios.txt");
    let mut lines = text.lines().peekable();
    std::iter::from_fn(|| lines.peek().is_some().then(|| scenario(&mut lines))).collect()
}

fn scenario<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Scenario {
    let mut scenario = Scenario { name: String::new(), windowing: Windowing::default(), steps: Vec::new() };
    for line in lines.take_while(|line| *line != "end") {
        let (word, rest) = line.split_once(' ').expect("a word and its arguments");
        let windowing = &mut scenario.windowing;
        match word {
            "scenario" => scenario.name = rest.to_owned(),
            "window" => windowing.function = function(rest),
            "trigger" => windowing.trigger = trigger(&mut &rest[..]),
            "mode" if rest == "accumulating" => windowing.mode = Some(Accumulation::Accumulating),
            "mode" => windowing.mode = Some(Accumulation::Discarding),
            "combiner" => {
                windowing.timestamp_combiner = match rest {
                    "earliest" => TimestampCombiner::Earliest,
                    "latest" => TimestampCombiner::Latest,
                    _ => TimestampCombiner::EndOfWindow,
                }
            }
            "lateness" => windowing.allowed_lateness_ms = Some(rest.parse().expect("milliseconds")),
            "closing" if rest == "always" => windowing.closing = ClosingBehavior::Always,
            "closing" => windowing.closing = ClosingBehavior::IfNonEmpty,
            "ontime" if rest == "always" => windowing.on_time = OnTimeBehavior::Always,
            "ontime" => windowing.on_time = OnTimeBehavior::IfNonEmpty,
            _ => scenario.steps.push(line.to_owned()),
        }
    }
    scenario
}

fn function(text: &str) -> Arc<dyn WindowFn> {
    let words: Vec<&str> = text.split(' ').collect();
    let time =
        |at: usize| -> Duration { milliseconds(words.get(at).map_or(0, |ms| ms.parse().expect("milliseconds"))) };
    match words[0] {
        "fixed" => Arc::new(Fixed::of(time(1)).offset(time(2))),
        "sliding" => Arc::new(Sliding::of(time(1)).every(time(2))),
        "sessions" => Arc::new(Sessions::of(time(1))),
        _ => Arc::new(Global),
    }
}

/// Reads one trigger off the front of `text`.
pub(super) fn trigger(text: &mut &str) -> Trigger {
    let word = text.split([',', '(', ')']).next().expect("the name of a trigger");
    *text = &text[word.len()..];
    let numbers = |text: &mut &str| -> Vec<i64> {
        let (inside, rest) = text[1..].split_once(')').expect("a closing bracket");
        *text = rest;
        inside.split(',').map(|number| number.parse().expect("a number")).collect()
    };
    match word {
        "default" => Trigger::Default,
        "never" => Trigger::Never,
        "count" => Trigger::AfterCount(numbers(text)[0] as u64),
        "pt" => Trigger::AfterProcessingTime { transforms: vec![TimeTransform::Delay(numbers(text)[0])] },
        "ptalign" => {
            let numbers = numbers(text);
            let transforms = vec![TimeTransform::Align { period_ms: numbers[0], offset_ms: numbers[1] }];
            Trigger::AfterProcessingTime { transforms }
        }
        _ => {
            *text = &text[1..];
            let mut parts = Vec::new();
            let (mut early, mut late) = (None, None);
            while !text.starts_with(')') {
                *text = text.strip_prefix(',').unwrap_or(text);
                if let Some(rest) = text.strip_prefix("early=") {
                    *text = rest;
                    early = Some(Box::new(trigger(text)));
                } else if let Some(rest) = text.strip_prefix("late=") {
                    *text = rest;
                    late = Some(Box::new(trigger(text)));
                } else {
                    parts.push(trigger(text));
                }
            }
            *text = &text[1..];
            match word {
                "watermark" => Trigger::AfterWatermark { early, late },
                "repeatedly" => parts.remove(0).repeatedly(),
                "each" => Trigger::AfterEach(parts),
                "first" => Trigger::AfterFirst(parts),
                "all" => Trigger::AfterAll(parts),
                _ => {
                    let until = parts.pop().expect("what ends it");
                    parts.remove(0).or_finally(until)
                }
            }
        }
    }
}

/// What each step of each scenario gives, sorted: the expected file's lines.
pub(super) fn expected() -> Vec<(String, Vec<Vec<String>>)> {
    let mut scenarios: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    for line in include_str!("../../../../../tests/data/conformance/expected.txt").lines() {
        if let Some(name) = line.strip_prefix("## ") {
            scenarios.push((name.to_owned(), Vec::new()));
            continue;
        }
        let Some((_, steps)) = scenarios.last_mut() else { continue };
        if line.starts_with("> ") {
            steps.push(Vec::new());
        } else if let Some(step) = steps.last_mut() {
            step.push(line.to_owned());
            step.sort();
        }
    }
    scenarios
}
