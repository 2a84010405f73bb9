//! The program as a user runs it: the output file, generated events, and what goes wrong as one error.

use std::fs;

use purlin_tests::{PATIENCE, Place};
use serde_json::Value;

use crate::given::given;
use crate::outcome::QUERIES;

const RUNNERS: [&str; 4] = ["batch", "stream", "stream --parallelism 3", "reference"];

#[test]
fn results_are_one_file_and_of_query_10_a_folder() {
    let place = Place::new();
    let events = given("events.jsonl");
    for query in QUERIES {
        for runner in RUNNERS {
            place.ok(&format!("nexmark --runner {runner} --query {query} --events {} --output out", events.display()));
            assert_eq!(place.names(), ["out"], "no temporary files are left");
            assert_eq!(place.path("out").is_dir(), query == 10);
            let results: Vec<String> = match query {
                10 => place.lines("out"),
                _ => fs::read_to_string(place.path("out")).expect("a file").lines().map(String::from).collect(),
            };
            assert!(!results.is_empty());
            assert!(results.iter().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object())));
        }
        if query == 10 {
            fs::remove_dir_all(place.path("out")).expect("a folder of shards");
        } else {
            fs::remove_file(place.path("out")).expect("a file");
        }
    }
}

#[test]
fn generated_events_give_the_same_on_every_runner() {
    let place = Place::new();
    for query in QUERIES.filter(|query| !PANES_DIFFER.contains(query)) {
        let expected = generated(&place, query, 2_000, "batch --parallelism 1");
        for runner in RUNNERS {
            assert!(generated(&place, query, 2_000, runner) == expected, "query {query} on {runner}");
        }
    }
}

/// Half a minute of them: windows close while events still come.
#[test]
fn generated_events_of_several_windows_give_the_same_in_batch_and_on_a_stream() {
    let place = Place::new().patience(4 * PATIENCE);
    for query in QUERIES.filter(|query| ![0, 1].contains(query) && !PANES_DIFFER.contains(query)) {
        let expected = generated(&place, query, 300_000, "batch");
        let actual = generated(&place, query, 300_000, "stream --parallelism 3");
        assert!(actual == expected, "query {query}: {} results and {}", actual.len(), expected.len());
    }
}

/// How many panes there are is the runner's choice; query 10 writes no file.
const PANES_DIFFER: [u8; 3] = [6, 10, 12];

/// What a query gives over generated events, sorted.
fn generated(place: &Place, query: u8, events: u64, runner: &str) -> Vec<String> {
    place.ok(&format!("nexmark --runner {runner} --query {query} --generate {events} --output generated"));
    let text = fs::read_to_string(place.path("generated")).expect("a file of results");
    let mut results: Vec<_> = text.lines().map(String::from).collect();
    assert!(!results.is_empty(), "query {query} on {runner}");
    results.sort();
    results
}

#[test]
fn an_earlier_output_is_replaced_only_by_a_run_that_succeeds() {
    let place = Place::new();
    place.write("none.jsonl", "");
    place.write("bad.jsonl", "{}\n");
    place.write("out", "earlier");
    refused(&place, "--query 1 --events bad.jsonl --output out", 1, &["bad.jsonl line 1", "ts"]);
    assert_eq!(fs::read_to_string(place.path("out")).ok().as_deref(), Some("earlier"));
    for runner in RUNNERS {
        place.ok(&format!("nexmark --runner {runner} --query 1 --events none.jsonl --output out"));
        assert_eq!(fs::read_to_string(place.path("out")).ok().as_deref(), Some(""), "{runner}");
    }
}

#[test]
fn what_goes_wrong_is_one_error() {
    let place = Place::new();
    let bid = r#"{"ts":1,"bid":{"auction":1,"bidder":2,"price":3,"dateTime":1,"extra":""}}"#;
    let two = format!(
        "{},{}",
        &bid[..bid.len() - 1],
        r#""person":{"id":1,"name":"","emailAddress":"","creditCard":"",
        "city":"","state":"","dateTime":1,"extra":""}}"#
            .replace('\n', " ")
    );
    place.write("good.jsonl", format!("{bid}\n"));
    for (name, line, fact) in [
        ("cut.jsonl", &bid[..40], "column 40"),
        ("no-ts.jsonl", r#"{"bid":{"auction":1,"bidder":2,"price":3,"dateTime":1,"extra":""}}"#, "missing field `ts`"),
        ("none-of-them.jsonl", r#"{"ts":1,"cat":{}}"#, "one of the fields `person`, `auction` and `bid`"),
        ("two-of-them.jsonl", &two, "one of the fields `person`, `auction` and `bid`"),
        ("text.jsonl", &bid.replace("3", r#""three""#), "three"),
    ] {
        place.write(name, format!("{bid}\n{line}\n"));
        for query in [0, 5, 9, 10] {
            let line = format!("--query {query} --events {name} --output out");
            refused(&place, &line, 1, &["reading `events` failed", &format!("{name} line 2"), fact]);
        }
    }
    let far = bid.replace(r#""ts":1,"#, r#""ts":9223372036854775807,"#);
    place.write("far.jsonl", far);
    refused(&place, "--query 1 --events far.jsonl --output out", 1, &["9223372036854775807", "milliseconds"]);

    refused(&place, "--query 1 --events no.jsonl --output out", 1, &["no file or folder `no.jsonl`"]);
    refused(&place, "--query 1 --events good.jsonl --output no/out", 1, &["`no/out`", "no folder `no`", "create it"]);
    fs::create_dir(place.path("folder")).expect("a folder");
    place.write("folder/mine", "mine");
    let replaced = ["`folder` is not overwritten", "choose another path"];
    refused(&place, "--query 1 --events good.jsonl --output folder", 1, &replaced);
    refused(&place, "--query 10 --events good.jsonl --output folder", 1, &replaced);
    refused(&place, "--query 10 --events good.jsonl --output cut.jsonl", 1, &["`cut.jsonl` is not overwritten"]);
}

#[test]
fn options_are_checked_first() {
    let place = Place::new();
    place.write("good.jsonl", "");
    refused(&place, "--query 15 --events good.jsonl --output out", 2, &["--query", "15", "0..=14"]);
    refused(&place, "--query all --events good.jsonl --output out", 2, &["--query", "all"]);
    refused(&place, "--events good.jsonl --output out", 2, &["--query"]);
    refused(&place, "--query 1 --output out", 2, &["--events"]);
    refused(&place, "--query 1 --events good.jsonl", 2, &["--output"]);
    refused(&place, "--query 1 --events good.jsonl --generate 5 --output out", 2, &["--events", "--generate"]);
    refused(&place, "--query 1 --generate some --output out", 2, &["--generate", "some"]);
    refused(&place, "--query 1 --generate 5 --rate 0 --output out", 2, &["--rate", "0"]);
    refused(&place, "--query 1 --events good.jsonl --rate 5 --output out", 2, &["--events", "--rate"]);
    refused(&place, "--query 1 --generate 5 --output out --count", 2, &["--output", "--count"]);
    refused(
        &place,
        "--query 1 --events good.jsonl --output good.jsonl",
        2,
        &["--output", "--events", "choose another"],
    );
}

#[test]
fn results_are_counted_instead() {
    let place = Place::new();
    for runner in RUNNERS {
        let query = format!("nexmark --runner {runner} --query 1 --generate 500 --rate 1000000");
        place.ok(&format!("{query} --output out"));
        let written = fs::read_to_string(place.path("out")).expect("a file").lines().count();
        assert_eq!(place.ok(&format!("{query} --count")), format!("{written} results\n"), "{runner}");
        assert_eq!(place.ok(&format!("nexmark --runner {runner} --query 10 --generate 500 --count")), "460 results\n");
    }
    assert_eq!(place.names(), ["out"]);
}

/// The command line fails on every runner with this exit code and one error that tells all these facts; the folder is as it was before.
fn refused(place: &Place, options: &str, code: i32, facts: &[&str]) {
    let before = place.names();
    for runner in ["batch", "stream", "reference"] {
        let line = format!("nexmark --runner {runner} {options}");
        let outcome = place.run(&line);
        let told = &outcome.stderr;
        assert_eq!(outcome.code, Some(code), "{line}: {told}");
        assert_eq!(told.lines().filter(|line| line.starts_with("error:")).count(), 1, "{line}: one error: {told}");
        for fact in facts {
            assert!(told.contains(fact), "{line}: `{fact}` is not told: {told}");
        }
        for noise in ["panicked at", "backtrace", ".rs:"] {
            assert!(!told.contains(noise), "{line}: `{noise}` is not for users: {told}");
        }
        assert_eq!(place.names(), before, "{line}: nothing is left behind");
    }
}
