//! Stateful transforms are transforms like others: sound ones pass, and one that takes elements for sorted is found out.

use purlin::prelude::*;
use purlin::state::{Combining, Value, WindowExpiration};
use purlin::testing::equivalence;
use purlin::testing::proptest::prelude::*;

use crate::faults::{ORDER, check, story};

fn pair() -> impl Strategy<Value = ((u8, i64), Timestamp)> {
    ((0..3_u8, -20..20_i64), (0..60_i64).prop_map(Timestamp::from_millis))
}

#[derive(State)]
struct Total {
    total: Combining<Sum, i64>,
    end: WindowExpiration,
}

/// The total of each key, at the end of its window.
#[derive(Clone)]
struct TotalAtTheEnd;

impl StatefulDoFn<u8, i64> for TotalAtTheEnd {
    type State = Total;
    type Out = Output<(u8, i64)>;

    fn process(
        &mut self,
        _: &u8,
        n: i64,
        state: &mut Total,
        _: &StateContext,
        _: &mut Output<(u8, i64)>,
    ) -> Result<(), BoxError> {
        state.total.add(n);
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        state: &mut Total,
        _: &TimerContext,
        out: &mut Output<(u8, i64)>,
    ) -> Result<(), BoxError> {
        out.emit((*key, state.total.get()));
        Ok(())
    }
}

#[test]
fn a_total_at_the_end_of_each_window() {
    let totals = |pairs: PCollection<(u8, i64)>| {
        pairs.window(Fixed::of(milliseconds(10))).par_do_stateful("total", TotalAtTheEnd).combine_per_key("sum", Sum)
    };
    equivalence(pair(), totals).check();
}

/// The change of each value since the one before.
#[derive(Clone)]
struct Change<const SORTED: bool>;

impl<const SORTED: bool> StatefulDoFn<u8, i64> for Change<SORTED> {
    type State = Value<i64>;
    type Out = Output<(u8, i64)>;
    const TIME_SORTED_INPUT: bool = SORTED;

    fn process(
        &mut self,
        key: &u8,
        n: i64,
        last: &mut Value<i64>,
        _: &StateContext,
        out: &mut Output<(u8, i64)>,
    ) -> Result<(), BoxError> {
        out.emit((*key, n - last.get().copied().unwrap_or(0)));
        last.set(n);
        Ok(())
    }
}

/// One value for each key and time, so that the order of time is an order.
fn one_at_a_time(pairs: &PCollection<(u8, i64)>) -> PCollection<(u8, i64)> {
    let one = pairs.window(Fixed::of(milliseconds(1))).combine_per_key("one", Sum);
    one.window(Fixed::of(milliseconds(20)))
}

#[test]
fn input_in_order_of_time() {
    let sorted = |pairs: PCollection<_>| one_at_a_time(&pairs).par_do_stateful("change", Change::<true>);
    equivalence(pair(), sorted).check();
    let unsorted = |pairs: PCollection<_>| pairs.par_do_stateful("change", Change::<false>);
    let found = story(|| equivalence(pair(), unsorted).check());
    check(&found, ORDER, 2, &["a closure or `DoFn` that remembers elements it has seen"]);
    let at_the_same_time = |pairs: PCollection<_>| pairs.par_do_stateful("change", Change::<true>);
    let found = story(|| equivalence(pair(), at_the_same_time).check());
    check(&found, ORDER, 2, &["a closure or `DoFn` that remembers elements it has seen"]);
}

#[test]
fn timestamps_that_go_back_behind_the_watermark() {
    let back = |pairs: PCollection<(u8, i64)>| {
        let firsts = pairs.map_in("at", |(key, n), at| (key, (at.timestamp.millis(), n))).combine_per_key("first", Min);
        firsts
            .map_values("time", |first| first.map_or(0, |(millis, _)| millis))
            .with_timestamps("back", |(_, millis)| Timestamp::from_millis(*millis))
            .window(Fixed::of(milliseconds(10)))
            .par_do_stateful("total", TotalAtTheEnd)
    };
    // Whether a watermark is seen depends on threads, too: this does not shrink to two elements every time, and on a busy machine a
    // run may look like one that depends on its threads alone.
    let stories = std::iter::repeat_with(|| story(|| equivalence(pair(), back).check()));
    let found = stories.take(5).find(|found| found.contains("how the watermark moves")).expect("a story that names it");
    check(&found, "how the watermark moves", 16, &["timestamps that a transform moves back"]);
}
