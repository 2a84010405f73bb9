//! The scenario files of `tests/data/conformance`, read.

use std::sync::Arc;

use purlin_model::window::{
    Accumulation, ClosingBehavior, Fixed, Global, OnTimeBehavior, Sessions, Sliding, TimestampCombiner, WindowFn,
    Windowing,
};
use purlin_model::{TimeTransform, Timestamp, Trigger, milliseconds};

/// One script over one key.
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) windowing: Windowing,
    /// Each step's line and what it says.
    pub(super) steps: Vec<(String, Step)>,
}

pub(super) enum Step {
    Input(Vec<i64>),
    Watermark(Timestamp),
    Time(i64),
}

pub(super) fn parse(text: &str) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("scenario ").expect("a scenario begins with its name").to_string();
        let windowing = Windowing { unsafe_allowed: true, ..Windowing::default() };
        let mut scenario = Scenario { name, windowing, steps: Vec::new() };
        for line in lines.by_ref().take_while(|line| *line != "end") {
            let (word, rest) = line.split_once(' ').expect("a line is a word and its arguments");
            match step(word, rest) {
                Some(step) => scenario.steps.push((line.to_string(), step)),
                None => setting(&mut scenario.windowing, word, rest),
            }
        }
        scenarios.push(scenario);
    }
    scenarios
}

fn step(word: &str, rest: &str) -> Option<Step> {
    match word {
        "input" => Some(Step::Input(numbers(rest))),
        "watermark" if rest == "inf" => Some(Step::Watermark(Timestamp::MAX)),
        "watermark" => Some(Step::Watermark(Timestamp::from_millis(numbers(rest)[0]))),
        "time" => Some(Step::Time(numbers(rest)[0])),
        _ => None,
    }
}

fn setting(windowing: &mut Windowing, word: &str, rest: &str) {
    match word {
        "window" => windowing.function = window_fn(rest),
        "trigger" => windowing.trigger = trigger(&mut &*rest),
        "mode" if rest == "accumulating" => windowing.mode = Some(Accumulation::Accumulating),
        "mode" => windowing.mode = Some(Accumulation::Discarding),
        "combiner" => {
            windowing.timestamp_combiner = match rest {
                "eow" => TimestampCombiner::EndOfWindow,
                "earliest" => TimestampCombiner::Earliest,
                "latest" => TimestampCombiner::Latest,
                other => panic!("no timestamp combiner: {other}"),
            }
        }
        "lateness" => windowing.allowed_lateness_ms = Some(numbers(rest)[0]),
        "closing" if rest == "always" => windowing.closing = ClosingBehavior::Always,
        "closing" => windowing.closing = ClosingBehavior::IfNonEmpty,
        "ontime" if rest == "always" => windowing.on_time = OnTimeBehavior::Always,
        "ontime" => windowing.on_time = OnTimeBehavior::IfNonEmpty,
        other => panic!("no setting: {other}"),
    }
}

fn window_fn(text: &str) -> Arc<dyn WindowFn> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let arguments: Vec<_> = numbers(rest).into_iter().map(|n| milliseconds(n.unsigned_abs())).collect();
    match (kind, arguments.as_slice()) {
        ("global", []) => Arc::new(Global),
        ("fixed", [size]) => Arc::new(Fixed::of(*size)),
        ("fixed", [size, offset]) => Arc::new(Fixed::of(*size).offset(*offset)),
        ("sliding", [size, period]) => Arc::new(Sliding::of(*size).every(*period)),
        ("sessions", [gap]) => Arc::new(Sessions::of(*gap)),
        _ => panic!("no window function: {text}"),
    }
}

/// Reads one trigger from the front of `text`.
fn trigger(text: &mut &str) -> Trigger {
    let name = take_while(text, char::is_alphanumeric);
    let mut parts = Vec::new();
    let mut named = (None, None);
    let mut arguments = Vec::new();
    if eat(text, "(") {
        while !eat(text, ")") {
            if eat(text, "early=") {
                named.0 = Some(Box::new(trigger(text)));
            } else if eat(text, "late=") {
                named.1 = Some(Box::new(trigger(text)));
            } else if text.starts_with(|c: char| c.is_ascii_digit()) {
                arguments.push(take_while(text, |c| c.is_ascii_digit()).parse::<i64>().expect("a number"));
            } else {
                parts.push(trigger(text));
            }
            eat(text, ",");
        }
    }
    match (name, arguments.as_slice()) {
        ("default", []) => Trigger::Default,
        ("never", []) => Trigger::Never,
        ("count", [n]) => Trigger::AfterCount(n.unsigned_abs()),
        ("pt", [delay]) => Trigger::AfterProcessingTime { transforms: vec![TimeTransform::Delay(*delay)] },
        ("ptalign", [period, offset]) => {
            let align = TimeTransform::Align { period_ms: *period, offset_ms: *offset };
            Trigger::AfterProcessingTime { transforms: vec![align] }
        }
        ("watermark", []) => Trigger::AfterWatermark { early: named.0, late: named.1 },
        ("repeatedly", []) => parts.remove(0).repeatedly(),
        ("each", []) => Trigger::AfterEach(parts),
        ("first", []) => Trigger::AfterFirst(parts),
        ("all", []) => Trigger::AfterAll(parts),
        ("orFinally", []) => {
            let until = parts.pop().expect("orFinally has two parts");
            parts.remove(0).or_finally(until)
        }
        _ => panic!("no trigger: {name}"),
    }
}

fn eat(text: &mut &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix);
    *text = rest.unwrap_or(text);
    rest.is_some()
}

fn take_while<'a>(text: &mut &'a str, keep: impl Fn(char) -> bool) -> &'a str {
    let (taken, rest) = text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()));
    *text = rest;
    taken
}

fn numbers(text: &str) -> Vec<i64> {
    text.split_whitespace().map(|word| word.trim_start_matches('+').parse().expect("a number")).collect()
}
