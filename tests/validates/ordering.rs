//! Order within a key: what one producer emits in order for a key stays in order on its way to state.
//!
//! Elements have no order in the model. Runners keep the order of one split's elements all the same, through element-wise transforms, a
//! shuffle by key and stateful transforms, and programs like their log of changes rely on it.

use purlin::prelude::*;
use purlin::state::Value;
use purlin::testing::{ScriptedSource, check};

use crate::{at, test};

const KEYS: u32 = 10;
const PER_KEY: i64 = 400;

/// Each key's numbers in order, keys interleaved: all from one split.
fn one_producer(pipeline: &Pipeline, bundle: usize) -> PCollection<(u32, i64)> {
    let pairs = (0..PER_KEY).flat_map(|n| (0..KEYS).map(move |key| ((key, n), at(n))));
    let source = ScriptedSource::new([pairs.collect()]).bundles_of(bundle).moving_watermark(true);
    pipeline.read(&format!("pairs in bundles of {bundle}"), source)
}

/// Emits each number as it comes, and with it whether it is the next.
#[derive(Clone)]
struct InOrder;

impl StatefulDoFn<u32, i64> for InOrder {
    type State = Value<i64>;
    type Out = (Output<(u32, i64)>, Output<bool>);

    fn process(
        &mut self,
        key: &u32,
        n: i64,
        next: &mut Value<i64>,
        _: &StateContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        out.1.emit(next.get().copied().unwrap_or(0) == n);
        next.set(n + 1);
        out.0.emit((*key, n));
        Ok(())
    }
}

fn all_in_order(in_order: &PCollection<bool>, name: &str) {
    let counts = in_order.map(&format!("{name}: as key"), |is| (is, ())).combine_per_key(name, Count);
    check(&counts).is_map([(true, u64::from(KEYS) * PER_KEY as u64)]);
}

#[test]
fn through_map_and_filter_to_state() {
    let test = test();
    for bundle in [1, 7, 5_000] {
        let pairs = one_producer(&test, bundle);
        let name = |what: &str| format!("{what} {bundle}");
        let doubled = pairs.flat_map(&name("twice"), |(key, n)| [(key, 2 * n), (key, 2 * n + 1)]);
        let even = doubled.filter(&name("even"), |(_, n)| n % 2 == 0).map(&name("half"), |(key, n)| (key, n / 2));
        let (_, in_order) = even.par_do_stateful(&name("in order"), InOrder);
        all_in_order(&in_order, &name("count"));
    }
    test.run();
}

#[test]
fn from_state_to_state() {
    let test = test();
    let (pairs, first) = one_producer(&test, 11).par_do_stateful("first", InOrder);
    let (pairs, second) = pairs.par_do_stateful("second", InOrder);
    // Keys that are spread otherwise.
    let fewer = pairs.filter("some keys", |(key, _)| key % 3 == 0).map("another key", |(key, n)| (u32::MAX - key, n));
    let (_, third) = fewer.par_do_stateful("third", InOrder);
    all_in_order(&first, "first in order");
    all_in_order(&second, "second in order");
    let keys = third.combine_globally("third in order", Min);
    check(&keys).equals(Some(true));
    test.run();
}

/// What a single call emits for a key, the call itself reached by a shuffle.
#[test]
fn of_what_one_call_emits() {
    let test = test();
    let keys = test.create("keys", 0..KEYS).reshuffle();
    let pairs = keys.flat_map("numbers", |key| (0..PER_KEY).map(move |n| (key, n)));
    let (_, in_order) = pairs.par_do_stateful("in order", InOrder);
    all_in_order(&in_order, "count");
    test.run();
}

/// With `TIME_SORTED_INPUT` it does not matter how many producers there are.
#[derive(Clone)]
struct InTimeOrder;

impl StatefulDoFn<u32, i64> for InTimeOrder {
    type State = Value<i64>;
    type Out = (Output<(u32, i64)>, Output<bool>);
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        key: &u32,
        n: i64,
        next: &mut Value<i64>,
        cx: &StateContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        InOrder.process(key, n, next, cx, out)
    }
}

#[test]
fn of_many_producers_by_their_timestamps() {
    let test = test();
    let split =
        |of: i64| (0..PER_KEY).rev().filter(move |n| n % 3 == of).flat_map(|n| (0..KEYS).map(move |key| (key, n)));
    let splits = [0, 1, 2].map(|of| split(of).map(|(key, n)| ((key, n), at(n))).collect());
    let pairs = test.read("pairs", ScriptedSource::new(splits).bundles_of(13));
    let (_, in_order) = pairs.par_do_stateful("in order", InTimeOrder);
    all_in_order(&in_order, "count");
    test.run();
}
