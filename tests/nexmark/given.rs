//! The events of Beam's generator: the results of Beam's own query models, and those of plain loops, on every runner.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use purlin::io::text::JsonLinesSource;
use purlin::prelude::*;
use purlin_examples::nexmark::Event;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::by_hand;
use crate::outcome::{QUERIES, RUNNERS, check, outcome};

/// A file of the given data.
pub(crate) fn given(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/nexmark").join(name)
}

/// The values in a file of JSON lines.
pub(crate) fn lines<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a value in JSON")).collect()
}

fn source() -> impl Source<Item = Event> {
    BoxSource::new(JsonLinesSource::<Event>::new(given("events.jsonl"))).event_time(|event| event.ts)
}

/// As sets: the models leave out what is repeated from window to window.
#[test]
fn the_results_are_those_of_beams_models() {
    let set = |results: Vec<Value>| -> BTreeSet<String> { results.iter().map(Value::to_string).collect() };
    for query in BEAMS {
        let expected = set(lines(&given(&format!("q{query}.expected.jsonl"))));
        assert!(!expected.is_empty());
        for runner in RUNNERS {
            let actual = set(outcome(query, source(), runner));
            assert!(
                actual == expected,
                "query {query} on {runner:?}: {:?}",
                actual.symmetric_difference(&expected).next()
            );
        }
    }
}

const BEAMS: [u8; 5] = [1, 2, 3, 5, 8];

#[test]
fn the_results_are_those_of_plain_loops() {
    let events: Vec<Event> = lines(&given("events.jsonl"));
    for query in QUERIES {
        let expected = by_hand::results(query, &events);
        assert!(!expected.is_empty(), "query {query}: nothing is expected, so nothing is tested");
        for runner in RUNNERS {
            check(query, &format!("on {runner:?}"), outcome(query, source(), runner), expected.clone());
        }
    }
}
