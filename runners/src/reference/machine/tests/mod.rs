//! The machine against the outcomes that Beam Java's group-by-key core gives (`tests/data/conformance`).

mod scenario;

use std::fmt::Write;

use purlin_model::window::Window;
use purlin_model::{DropCause, Timestamp, Timing};

use self::scenario::{Scenario, Step, parse};
use super::{Arrival, Emission, Machine, Outcome};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/conformance");

#[test]
fn all_conformance_scenarios_give_the_expected_outcome() {
    let scenarios = parse(&read("scenarios.txt"));
    let expected = outcomes(&read("expected.txt"));
    assert_eq!(scenarios.len(), expected.len());
    assert_eq!(scenarios.len(), 300);
    let differing: Vec<String> = scenarios
        .iter()
        .zip(&expected)
        .filter_map(|(scenario, (name, steps))| {
            assert_eq!(scenario.name, *name);
            difference(scenario, steps)
        })
        .collect();
    assert!(differing.is_empty(), "{} scenarios differ:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn an_arriving_window_with_the_bounds_of_a_closed_one_may_still_merge() {
    let script = "scenario a\nwindow sessions 10\ntrigger count(2)\nmode discarding\nlateness 100\n\
        input 0 0\ninput 0\ninput 5\ninput 0\nend\n";
    let outcome = r#"## a
> input 0 0
pane {"window":[0,10],"values":[0, 0],"timestamp":9,"timing":"EARLY","index":0,"nonspeculative_index":-1,"first":true,"last":true}
> input 0
drop {"reason":"closed_window","n":1}
> input 5
> input 0
pane {"window":[0,15],"values":[0, 5],"timestamp":14,"timing":"EARLY","index":0,"nonspeculative_index":-1,"first":true,"last":true}
"#;
    assert_eq!(run(&parse(script)[0]), outcomes(outcome)[0].1);
}

#[test]
fn a_part_of_a_trigger_that_has_seen_no_element_is_not_woken() {
    let script = "scenario a\nwindow fixed 10\ntrigger each(count(2),watermark())\nmode discarding\nlateness 5\n\
        input 1 2\nwatermark 10\ninput 3\nend\n";
    let outcome = r#"## a
> input 1 2
pane {"window":[0,10],"values":[1, 2],"timestamp":9,"timing":"EARLY","index":0,"nonspeculative_index":-1,"first":true,"last":false}
> watermark 10
> input 3
pane {"window":[0,10],"values":[3],"timestamp":9,"timing":"LATE","index":1,"nonspeculative_index":0,"first":false,"last":true}
"#;
    assert_eq!(run(&parse(script)[0]), outcomes(outcome)[0].1);
}

fn read(file: &str) -> String {
    let path = format!("{FOLDER}/{file}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A step's line, and its panes and drops in a fixed order.
type StepOutcome = (String, Vec<String>);

fn outcomes(text: &str) -> Vec<(String, Vec<StepOutcome>)> {
    let mut scenarios: Vec<(String, Vec<StepOutcome>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            scenarios.push((name.to_string(), Vec::new()));
            continue;
        }
        let (_, steps) = scenarios.last_mut().expect("an outcome begins with a name");
        match line.strip_prefix("> ") {
            Some(step) => steps.push((step.to_string(), Vec::new())),
            None => steps.last_mut().expect("a step's line comes first").1.push(line.to_string()),
        }
    }
    for (_, lines) in scenarios.iter_mut().flat_map(|(_, steps)| steps) {
        lines.sort();
    }
    scenarios
}

/// The first step at which the machine does something else, if there is one.
fn difference(scenario: &Scenario, expected: &[StepOutcome]) -> Option<String> {
    let actual = run(scenario);
    let at = (0..actual.len().max(expected.len())).find(|i| actual.get(*i) != expected.get(*i))?;
    let mut text = format!("{} {:?} step {at}", scenario.name, scenario.windowing);
    for (sign, steps) in [("expected", expected), ("actual", &actual)] {
        let _ = write!(text, "\n  {sign}: {:#?}", steps.get(at));
    }
    Some(text)
}

fn run(scenario: &Scenario) -> Vec<StepOutcome> {
    let mut machine = Machine::new(scenario.windowing.clone());
    let mut now_ms = 0;
    let steps = scenario.steps.iter().map(|(line, step)| {
        let outcome = match step {
            Step::Input(timestamps) => {
                let at = timestamps.iter().map(|millis| Timestamp::from_millis(*millis));
                machine.bundle(at.flat_map(|timestamp| arrivals(scenario, timestamp)), now_ms)
            }
            Step::Watermark(to) => machine.advance_watermark(*to),
            Step::Time(by) => {
                now_ms += by;
                machine.advance_processing_time(now_ms, now_ms)
            }
        };
        (line.clone(), lines(outcome))
    });
    steps.collect()
}

fn arrivals(scenario: &Scenario, timestamp: Timestamp) -> Vec<Arrival<i64>> {
    let windows = scenario.windowing.function.assign(timestamp);
    let arrival = |window| Arrival { key: Vec::new(), timestamp, window, value: timestamp.millis() };
    windows.iter().map(arrival).collect()
}

/// In the notation of `expected.txt`, sorted.
fn lines(outcome: Outcome<i64>) -> Vec<String> {
    let mut lines: Vec<String> = outcome.emitted.into_iter().map(pane_line).collect();
    let (late, closed): (Vec<_>, Vec<_>) = outcome.dropped.iter().partition(|dropped| dropped.cause == DropCause::Late);
    for late in late {
        let (timestamp, window) = (late.timestamp.millis(), shown(late.window));
        lines.push(format!(r#"drop {{"reason":"lateness","ts":{timestamp},"window":{window}}}"#));
    }
    if !closed.is_empty() {
        lines.push(format!(r#"drop {{"reason":"closed_window","n":{}}}"#, closed.len()));
    }
    lines.sort();
    lines
}

fn pane_line(mut emission: Emission<i64>) -> String {
    emission.values.sort_unstable();
    let timing = match emission.pane.timing {
        Timing::Unknown => "UNKNOWN",
        Timing::Early => "EARLY",
        Timing::OnTime => "ON_TIME",
        Timing::Late => "LATE",
    };
    let timestamp = match emission.timestamp {
        Timestamp::GLOBAL_MAX => r#""GLOBAL_MAX""#.to_string(),
        other => other.millis().to_string(),
    };
    let (window, values, pane) = (shown(emission.window), emission.values, emission.pane);
    let (index, nonspeculative, first, last) = (pane.index, pane.nonspeculative_index, pane.first, pane.last);
    format!(
        r#"pane {{"window":{window},"values":{values:?},"timestamp":{timestamp},"timing":"{timing}","index":{index},"nonspeculative_index":{nonspeculative},"first":{first},"last":{last}}}"#
    )
}

fn shown(window: Window) -> String {
    if window.is_global() {
        r#""GLOBAL""#.to_string()
    } else {
        format!("[{},{}]", window.start.millis(), window.end.millis())
    }
}
