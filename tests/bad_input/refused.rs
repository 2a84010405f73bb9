//! The check of every command line that cannot work.

use purlin_tests::{Outcome, Place};

/// The command line fails with this exit code and one error that tells all these facts; the folder is as it was before.
pub(crate) fn check(place: &Place, line: &str, code: i32, facts: &[&str]) {
    let before = place.names();
    let outcome = place.run(line);
    assert_told(line, &outcome, code, facts);
    assert_eq!(place.names(), before, "{line}: nothing is left behind");
}

/// One error, with all the facts, and no panic.
pub(crate) fn assert_told(line: &str, outcome: &Outcome, code: i32, facts: &[&str]) {
    let told = &outcome.stderr;
    assert_eq!(outcome.code, Some(code), "{line}: {told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("error:")).count(), 1, "{line}: one error: {told}");
    for fact in facts {
        assert!(told.contains(fact), "{line}: `{fact}` is not told: {told}");
    }
    for noise in ["panicked at", "backtrace", "RUST_BACKTRACE", ".rs:"] {
        assert!(!told.contains(noise), "{line}: `{noise}` is not for users: {told}");
    }
}

/// As [`check`], exit code 1, with each runner.
pub(crate) fn check_runners(place: &Place, line: &str, facts: &[&str]) {
    for runner in ["batch", "stream", "reference"] {
        check(place, &format!("{line} --runner {runner}"), 1, facts);
    }
}
