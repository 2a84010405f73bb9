//! Large keys, from 10 KB to 100 MB, through a shuffle on every runner, in bounded time.

use purlin::prelude::*;
use purlin::testing::{Runner, TestPipeline, check};

use crate::{RUNNERS, test};

/// A key of so many bytes; keys differ in their last byte only.
fn key(bytes: usize, last: char) -> String {
    let mut key = "k".repeat(bytes - 1);
    key.push(last);
    key
}

/// Three elements of two keys are grouped, joined by state and combined; what comes out is told by size and last byte.
fn group(test: &TestPipeline, bytes: usize) {
    let pairs = test
        .create(&format!("{bytes} bytes"), ['a', 'b', 'a'])
        .map(&format!("key of {bytes}"), move |last| (key(bytes, last), last));
    let groups = pairs.group_by_key(&format!("group by {bytes}"));
    let told =
        groups.map(&format!("tell {bytes}"), |(key, values)| (key.len(), key.as_bytes()[key.len() - 1], values.len()));
    check(&told).contains_in_any_order([(bytes, b'a', 2), (bytes, b'b', 1)]);
}

#[test]
fn of_10_kb_100_kb_and_1_mb() {
    let test = test();
    for bytes in [10_000, 100_000, 1_000_000] {
        group(&test, bytes);
    }
    test.run();
}

#[test]
fn of_10_mb() {
    let test = test();
    group(&test, 10_000_000);
    test.run();
}

#[test]
fn of_100_mb() {
    for runner in [Runner::Batch(2), Runner::Stream(2)] {
        let test = TestPipeline::on([runner]);
        group(&test, 100_000_000);
        test.run();
    }
}

/// Keys that are large, in state, combined, and spilled.
#[test]
fn in_state_and_on_disk() {
    let test = TestPipeline::on(RUNNERS.into_iter().chain([Runner::Spilling(2)]));
    let pairs = test.create("numbers", 0..40_u32).map("key", |n| (key(100_000, char::from(b'a' + (n % 4) as u8)), n));
    let sums = pairs.combine_per_key("sum", (Sum, Count)).map("tell", |(key, sum)| (key.as_bytes()[99_999], sum));
    check(&sums).is_map((0..4_u32).map(|key| (b'a' + key as u8, (180 + 10 * key, 10))));
    let batches = pairs.group_into_batches("batches", Batches::of(5)).map("size", |(key, all)| (key.len(), all.len()));
    check(&batches).contains_in_any_order([(100_000, 5); 8]);
    test.run();
}
