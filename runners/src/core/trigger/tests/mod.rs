//! The machine against the outcome that Beam Java's core gives, and against itself.

mod harness;
mod laws;
mod scenario;

use harness::Harness;

/// Runs all scenarios and reports the first differences.
fn check(keys: i64, budget: usize) {
    let (mut different, mut report) = (0, String::new());
    let scenarios = scenario::all();
    let expected = scenario::expected();
    assert_eq!(scenarios.len(), expected.len());
    for (scenario, (name, expected)) in scenarios.iter().zip(&expected) {
        assert_eq!(scenario.name, *name);
        let mut harness = Harness::new(&scenario.windowing, keys, budget);
        let first = scenario.steps.iter().zip(expected).enumerate().find_map(|(i, (step, expected))| {
            let given = harness.step(step);
            let other = given.iter().find(|lines| *lines != expected)?;
            Some(format!("{name} step {i} `{step}`\n  expected {expected:#?}\n  given {other:#?}\n"))
        });
        if let Some(first) = first {
            different += 1;
            if different <= 5 {
                report += &first;
            }
        } else {
            let held = harness.machine.len();
            assert!(
                held == 0 || scenario.steps.last().is_none_or(|last| last != "watermark inf"),
                "{name} holds {held}"
            );
        }
    }
    assert!(different == 0, "{different} of {} differ\n{report}", scenarios.len());
}

#[test]
fn every_scenario_gives_what_beam_gives() {
    check(1, usize::MAX);
}

#[test]
fn keys_do_not_leak_into_each_other() {
    check(3, usize::MAX);
}

#[test]
fn a_budget_changes_nothing() {
    check(2, 1);
}
