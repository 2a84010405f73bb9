//! Empty collections through everything: no transform waits for an element, or invents one, but the global combine.

use purlin::combine::ToVec;
use purlin::prelude::*;
use purlin::split::{Continuation, Monotonic, Offsets, SplitWork, SplittableDoFn};
use purlin::state::{EventTime, ProcessingTime, Value, WindowExpiration};
use purlin::testing::check;

use crate::test;

type Pairs = PCollection<(u8, i64)>;

/// No pairs in the global window, and none in windows of it.
fn none(pipeline: &Pipeline) -> [(&'static str, Pairs); 2] {
    let global = pipeline.create("none", Vec::<(u8, i64)>::new());
    let windowed = global.window(Fixed::of(seconds(1)));
    [("global", global), ("windowed", windowed)]
}

#[test]
fn element_wise_transforms() {
    let test = test();
    for (windows, pairs) in none(&test) {
        let all = pairs.apply(windows, |pairs: Pairs| {
            let (sums, texts) = pairs.par_do("two outputs", TwoOutputs);
            let parts = pairs.partition("parts", 2, |(key, _)| usize::from(*key) % 2);
            let texts = texts.map("length", |text| (0, text.len() as i64));
            let mapped =
                pairs.map("map", |pair| pair).filter("filter", |_| true).flat_map("flat map", |pair| [pair; 2]);
            let told = pairs.map_in("map in", |pair, _| pair).reshuffle();
            let timed = pairs.with_timestamps("timestamps", |_| Timestamp::from_millis(7));
            let all = [sums, texts, mapped, told, timed].into_iter().chain(parts);
            pairs.pipeline().flatten("all", all)
        });
        check(&all).is_empty();
    }
    test.run();
}

/// Emits for each element to both outputs, and when a bundle has ended without one nothing.
#[derive(Clone)]
struct TwoOutputs;

impl DoFn<(u8, i64)> for TwoOutputs {
    type Out = (Output<(u8, i64)>, Output<String>);

    fn process(&mut self, pair: (u8, i64), _: &Context<'_>, out: &mut Self::Out) -> Result<(), BoxError> {
        out.0.emit(pair);
        out.1.emit(format!("{pair:?}"));
        Ok(())
    }
}

#[test]
fn groupings_and_joins() {
    let test = test();
    for (windows, pairs) in none(&test) {
        pairs.apply(windows, |pairs: Pairs| {
            check(&pairs.group_by_key("group")).is_empty();
            check(&pairs.combine_per_key("sum", Sum)).is_empty();
            check(&pairs.combine_per_key_with_fanout("hot", Sum, |_| 4)).is_empty();
            check(&pairs.co_group_by_key("co-group", &pairs)).is_empty();
            check(&pairs.outer_join("join", &pairs)).is_empty();
            check(&pairs.distinct("distinct")).is_empty();
            check(&pairs.distinct_by("distinct by", |(key, _)| *key)).is_empty();
            check(&pairs.latest_per_key("latest per key")).is_empty();
            check(&pairs.latest("latest")).is_empty();
            let (_, dropped) = pairs.group_by_key_with_dropped("group, with dropped");
            check(&dropped).is_empty();
        });
    }
    let sessions = test.create("no pairs", Vec::<(u8, i64)>::new()).window(Sessions::of(seconds(1)));
    check(&sessions.combine_per_key("sum", Sum)).is_empty();
    test.run();
}

#[test]
fn a_global_combine_gives_the_result_of_none_in_the_global_window_only() {
    let test = test();
    let [(_, global), (_, windowed)] = none(&test).map(|(name, pairs)| (name, pairs.map(name, |(_, n)| n)));
    check(&global.combine_globally("sum", Sum)).equals(0);
    check(&global.combine_globally("count and list", (Count, ToVec))).equals((0, vec![]));
    check(&global.combine_globally_with_fanout("parts", Sum, 4)).equals(0);
    check(&windowed.combine_globally("sums", Sum)).is_empty();
    check(&windowed.combine_globally_with_fanout("parts of windows", Sum, 4)).is_empty();
    test.run();
}

/// Remembers the last, and says it at the end.
#[derive(Clone)]
struct Last;

impl StatefulDoFn<u8, i64> for Last {
    type State = (Value<i64>, WindowExpiration);
    type Out = Output<i64>;

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        (last, _): &mut Self::State,
        _: &StateContext,
        _: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        last.set(n);
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        _: &u8,
        (last, _): &mut Self::State,
        _: &TimerContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        out.emit(last.get().copied().unwrap_or(-1));
        Ok(())
    }
}

/// Its element's two numbers.
#[derive(Clone)]
struct Numbers;

impl SplittableDoFn<(u8, i64)> for Numbers {
    type Restriction = Offsets;
    type Estimator = Monotonic;
    type Out = u64;

    fn restriction(&self, _: &(u8, i64)) -> Result<Offsets, BoxError> {
        Ok(Offsets::between(0, 2))
    }

    fn process(
        &mut self,
        _: &(u8, i64),
        work: &mut SplitWork<'_, Offsets, Monotonic, u64>,
    ) -> Result<Continuation, BoxError> {
        while work.try_claim(work.restriction().next()) {
            work.emit(0);
        }
        Ok(Continuation::Stop)
    }
}

#[test]
fn state_timers_batches_and_splittable_work() {
    let test = test();
    for (windows, pairs) in none(&test) {
        pairs.apply(windows, |pairs: Pairs| {
            check(&pairs.par_do_stateful("last", Last)).is_empty();
            check(&pairs.group_into_batches("batches", Batches::of(3).max_buffering(seconds(1)))).is_empty();
            check(&pairs.group_into_batches_by_shard("shards", Batches::of(3), 2)).is_empty();
            check(&pairs.deduplicate("by event time", EventTime, seconds(1))).is_empty();
            check(&pairs.deduplicate("by the clock", ProcessingTime, seconds(1))).is_empty();
            check(&pairs.par_do_splittable("numbers", Numbers)).is_empty();
        });
    }
    test.run();
}

#[test]
fn as_main_input_as_side_input_and_as_signal() {
    let test = test();
    let (ones, none) = (test.create("ones", [1_i64, 1]), test.create("none", Vec::<i64>::new()));
    check(&none.map_with("look up", &ones.as_list(), |n, list| n + list.len() as i64)).is_empty();
    check(&ones.map_with("nothing", &none.as_list(), |n, list| n + list.len() as i64)).contains_in_any_order([1, 1]);
    check(&none.wait_on("nothing waits", &ones)).is_empty();
    check(&ones.wait_on("wait for nothing", &none)).contains_in_any_order([1, 1]);
    test.run();
}
