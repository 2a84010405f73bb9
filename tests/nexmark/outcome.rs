//! What a query gives on a runner: each result as it would be written, a JSON value.

use purlin::prelude::*;
use purlin_examples::nexmark::*;
use purlin_tests::Runner;
use serde_json::Value;

/// The queries; each is tested.
pub(crate) const QUERIES: std::ops::RangeInclusive<u8> = 0..=14;

/// Every kind of runner, with one worker and with several.
pub(crate) const RUNNERS: [Runner; 5] =
    [Runner::Reference, Runner::Batch(1), Runner::Batch(4), Runner::Stream(1), Runner::Stream(4)];

/// The results of query number `query` over the events of `source`, in the order in which they were written.
pub(crate) fn outcome(query: u8, source: impl Source<Item = Event>, runner: Runner) -> Vec<Value> {
    match query {
        0 => run(source, runner, q0::pass_through),
        1 => run(source, runner, q1::currency_conversion),
        2 => run(source, runner, q2::selection),
        3 => run(source, runner, q3::local_items),
        4 => run(source, runner, q4::average_price_per_category),
        5 => run(source, runner, q5::hot_items),
        6 => run(source, runner, q6::average_price_per_seller),
        7 => run(source, runner, q7::highest_bid),
        8 => run(source, runner, q8::new_users),
        9 => run(source, runner, q9::winning_bids),
        10 => run(source, runner, q10::spread_bids),
        11 => run(source, runner, q11::user_sessions),
        12 => run(source, runner, q12::processing_time_windows),
        13 => run(source, runner, q13::side_input_join),
        14 => run(source, runner, q14::session_side_input_join),
        other => panic!("there is no query {other}"),
    }
}

fn run<T: Element>(
    source: impl Source<Item = Event>,
    runner: Runner,
    query: impl FnOnce(PCollection<Event>) -> PCollection<T>,
) -> Vec<Value> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    pipeline.read("events", source).apply("query", query).write("results", results.sink());
    let graph = pipeline.graph().expect("a pipeline that can be built");
    runner.run(&graph).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
    results.take().iter().map(|result| serde_json::to_value(result).expect("a result as JSON")).collect()
}

/// Checks an outcome against all results in event time: as multisets, unless panes are the runner's choice. Where
/// results follow one another per key, their order counts.
pub(crate) fn check(query: u8, what: &str, mut actual: Vec<Value>, mut expected: Vec<Value>) {
    match query {
        4 => assert_eq!(per_key(&actual, "category"), per_key(&expected, "category"), "query 4 {what}"),
        6 => assert_eq!(lasts(&actual, "seller"), lasts(&expected, "seller"), "query 6 {what}"),
        12 => assert_eq!(sums(&actual), sums(&expected), "query 12 {what}"),
        _ => {
            actual.sort_by_key(Value::to_string);
            expected.sort_by_key(Value::to_string);
            let different = actual.iter().zip(&expected).find(|(actual, expected)| actual != expected);
            assert_eq!(different, None, "query {query} {what}: the first difference");
            assert_eq!(actual.len(), expected.len(), "query {query} {what}: so many results");
        }
    }
}

type Keyed<T> = std::collections::BTreeMap<i64, T>;

fn per_key(results: &[Value], key: &str) -> Keyed<Vec<Value>> {
    let mut keyed = Keyed::<Vec<Value>>::new();
    for result in results {
        keyed.entry(result[key].as_i64().expect("a key")).or_default().push(result.clone());
    }
    keyed
}

fn lasts(results: &[Value], key: &str) -> Keyed<Value> {
    results.iter().map(|result| (result[key].as_i64().expect("a key"), result.clone())).collect()
}

fn sums(results: &[Value]) -> Keyed<i64> {
    let mut sums = Keyed::new();
    for result in results {
        let [person, bids] = ["personId", "bidsPerSession"].map(|name| result[name].as_i64().expect("a number"));
        *sums.entry(person).or_default() += bids;
    }
    sums
}
