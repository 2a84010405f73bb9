//! Element types that their coder writes but cannot take back.

use purlin::Failure;
use purlin::coder::Json;
use purlin::prelude::*;
use purlin_tests::Runner;
use serde::{Deserialize, Serialize};

/// Postcard does not describe itself, so it cannot tell which variant it reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Answer {
    Number(i64),
    Text(String),
}

fn answers() -> [Answer; 2] {
    [Answer::Number(42), Answer::Text("forty-two".into())]
}

/// Every runner fails with a coder's failure that names the transform and the type, and publishes nothing.
fn check(transform: &str, build: impl Fn(PCollection<usize>) -> PCollection<u64>) {
    for runner in Runner::ALL {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        build(pipeline.create("numbers", 0..2)).write("results", results.sink());
        let Err(failure) = runner.run(&pipeline.graph().expect("a sound graph")) else { panic!("{runner:?} succeeds") };
        let told = failure.to_string();
        let Failure::Coder { transform: named, element_type, .. } = failure else { panic!("{runner:?}: {told}") };
        assert!(element_type.contains("Answer"), "{runner:?}: {told}");
        assert!(told.contains(".with_coder(..)") && told.contains("untagged"), "{runner:?}: {told}");
        assert!(named.starts_with(transform), "{runner:?}: {told}");
        assert!(results.take().is_empty(), "{runner:?}");
    }
}

#[test]
fn across_a_shuffle() {
    check("key", |numbers| {
        let keyed = numbers.map("key", |n| (n as u8, answers()[n].clone()));
        keyed.group_by_key("group").map("count", |(_, all)| all.len() as u64)
    });
}

#[test]
fn across_a_reshuffle() {
    check("answer", |numbers| numbers.map("answer", |n| answers()[n].clone()).reshuffle().map("count", |_| 1));
}

#[test]
fn into_a_view() {
    check("answer", |numbers| {
        let view = numbers.map("answer", |n| answers()[n].clone()).as_list();
        numbers.map_with("count", &view, |_, answers| answers.len() as u64)
    });
}

/// What the message advises.
#[test]
fn another_coder_helps() {
    for runner in Runner::ALL {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let made = pipeline.create("numbers", 0..2).map("answer", |n: usize| answers()[n].clone()).with_coder(Json);
        made.reshuffle().write("results", results.sink());
        runner.run(&pipeline.graph().expect("a sound graph")).expect("it runs");
        let mut taken = results.take();
        taken.sort_by_key(|answer| matches!(answer, Answer::Text(_)));
        assert_eq!(taken, answers(), "{runner:?}");
    }
}
