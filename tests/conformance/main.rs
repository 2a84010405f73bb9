//! The conformance scenarios, through the public SDK: each runner gives what Apache Beam's Java core gives, step by step.

use std::collections::BTreeMap;

use purlin_examples::conformance::parse;
use purlin_tests::Runner;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/conformance");

#[test]
fn the_reference_gives_what_beam_gives() {
    check(Runner::Reference);
}

#[test]
fn batch_gives_what_beam_gives() {
    check(Runner::Batch(1));
    check(Runner::Batch(3));
}

#[test]
fn stream_gives_what_beam_gives() {
    check(Runner::Stream(1));
    check(Runner::Stream(3));
}

/// Plays all scenarios on `runner` and compares each step's panes and drops, which have no order.
fn check(runner: Runner) {
    let scenarios = parse(&read("scenarios.txt")).expect("the scenarios are well-formed");
    let expected = by_name(&read("expected.txt"));
    assert_eq!(scenarios.len(), 300);
    for scenario in scenarios {
        let outcome = scenario.play(|graph| runner.run(graph)).unwrap_or_else(|failure| panic!("{failure}"));
        let name = &scenario.name;
        assert_eq!(by_name(&outcome).get(name), expected.get(name), "{name} on {runner:?}");
    }
}

fn read(file: &str) -> String {
    let path = format!("{FOLDER}/{file}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The outcome of each scenario: the lines of each step, sorted behind the step's own.
fn by_name(outcome: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut scenarios: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    let mut steps = &mut Vec::new();
    for line in outcome.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            steps = scenarios.entry(name.to_string()).or_default();
        } else if line.starts_with("> ") {
            steps.push(vec![line.to_string()]);
        } else if let Some(step) = steps.last_mut() {
            step.push(line.replace(' ', ""));
        }
    }
    scenarios.values_mut().flatten().for_each(|step| step[1..].sort());
    scenarios
}
