//! Side inputs: every kind of view, empty and in windows; several at once; a view of a view; panes that replace each other.

use std::collections::HashMap;

use purlin::prelude::*;
use purlin::testing::{TestStream, check};
use purlin::view::View;

use crate::{RUNNERS, at, failure_in_bad, test};

/// One view of each kind.
#[derive(Clone)]
struct AllKinds {
    list: View<Vec<(u8, i64)>>,
    map: View<HashMap<u8, i64>>,
    multimap: View<HashMap<u8, Vec<i64>>>,
    sum: View<i64>,
}

impl AllKinds {
    fn of(pairs: &PCollection<(u8, i64)>) -> AllKinds {
        AllKinds {
            list: pairs.as_list(),
            map: pairs.combine_per_key("sum per key", Sum).as_map(),
            multimap: pairs.as_multimap(),
            sum: pairs.map("value", |(_, n)| n).combine_globally("sum", Sum).as_optional(-1),
        }
    }

    /// What each element sees of them.
    fn seen_by(&self, names: &PCollection<String>) -> PCollection<String> {
        names.par_do_with("see", (&self.list, &self.map, &self.multimap, &self.sum), self.clone())
    }
}

impl DoFn<String> for AllKinds {
    type Out = Output<String>;

    fn process(&mut self, name: String, cx: &Context<'_>, out: &mut Output<String>) -> Result<(), BoxError> {
        let mut list = cx.side(&self.list)?.clone();
        list.sort();
        let mut map: Vec<_> = cx.side(&self.map)?.iter().collect();
        map.sort();
        let mut multimap: Vec<_> = cx.side(&self.multimap)?.iter().map(|(key, all)| (key, all.len())).collect();
        multimap.sort();
        out.emit(format!("{name}: {list:?} {map:?} {multimap:?} {}", cx.side(&self.sum)?));
        Ok(())
    }
}

fn pairs(pipeline: &Pipeline) -> PCollection<(u8, i64)> {
    pipeline.create_at("pairs", [((1, 10), at(1)), ((1, 20), at(2)), ((2, 30), at(15))])
}

fn names(pipeline: &Pipeline) -> PCollection<String> {
    pipeline.create_at("names", [("a", 5), ("b", 16), ("c", 27)].map(|(name, ms)| (name.to_string(), at(ms))))
}

const NOTHING: &str = "[] [] [] -1";

#[test]
fn every_kind_of_view_several_at_once() {
    let test = test();
    let all = "[(1, 10), (1, 20), (2, 30)] [(1, 30), (2, 30)] [(1, 2), (2, 1)] 60";
    let seen = AllKinds::of(&pairs(&test)).seen_by(&names(&test));
    check(&seen).contains_in_any_order(["a", "b", "c"].map(|name| format!("{name}: {all}")));
    test.run();
}

#[test]
fn every_kind_of_view_of_nothing() {
    let test = test();
    let none = pairs(&test).filter("none", |_| false).window(Global);
    // A global combine of nothing gives the sum of none; a view of nothing its default.
    let names = names(&test);
    check(&AllKinds::of(&none).seen_by(&names))
        .contains_in_any_order(["a", "b", "c"].map(|name| format!("{name}: [] [] [] 0")));
    let nothing = none.map("of nothing", |(_, n)| n).as_optional(-1);
    check(&names.map_with("default", &nothing, |_, n| *n)).contains_in_any_order([-1, -1, -1]);
    test.run();
}

#[test]
fn every_kind_of_view_in_each_window() {
    let test = test();
    let fixed = || Fixed::of(milliseconds(10));
    let seen = AllKinds::of(&pairs(&test).window(fixed())).seen_by(&names(&test).window(fixed()));
    check(&seen).contains_at([
        ("a: [(1, 10), (1, 20)] [(1, 30)] [(1, 2)] 30".to_string(), at(5)),
        ("b: [(2, 30)] [(2, 30)] [(2, 1)] 30".to_string(), at(16)),
        (format!("c: {NOTHING}"), at(27)),
    ]);
    test.run();
}

/// The side window is that of the main window's last timestamp; of sliding side windows the earliest (SEMANTICS §9).
#[test]
fn windows_of_other_sizes() {
    let test = test();
    let (pairs, names) = (pairs(&test), names(&test));
    let look_up = |name: &str, main: WindowSpec, side: WindowSpec| {
        let sum = pairs.map(&format!("{name}: value"), |(_, n)| n).window(side);
        let sum = sum.combine_globally(&format!("{name}: sum"), Sum).as_optional(-1);
        names.window(main).map_with(name, &sum, |name, sum| format!("{name} {sum}"))
    };
    let fixed = |ms| Fixed::of(milliseconds(ms)).with();
    let sliding = |ms, every| Sliding::of(milliseconds(ms)).every(milliseconds(every)).with();
    let seen = |expected: [&str; 3]| expected.map(String::from);
    check(&look_up("larger", fixed(10), fixed(20))).contains_in_any_order(seen(["a 60", "b 60", "c -1"]));
    check(&look_up("smaller", fixed(20), fixed(10))).contains_in_any_order(seen(["a 30", "b 30", "c -1"]));
    check(&look_up("global", fixed(10), Global.with())).contains_in_any_order(seen(["a 60", "b 60", "c 60"]));
    // The last timestamps are 9, 19 and 29: their earliest windows begin at -10, 0 and 10.
    check(&look_up("sliding side", fixed(10), sliding(20, 10))).contains_in_any_order(seen(["a 30", "b 60", "c 30"]));
    check(&look_up("sliding main", sliding(20, 10), fixed(10)))
        .contains_in_any_order(["a 30", "a 30", "b 30", "b -1", "c -1", "c -1"].map(String::from));
    test.run();
}

#[test]
fn a_view_of_a_view() {
    let test = test();
    let (numbers, fixed) = (test.create_at("numbers", [(1_i64, at(1)), (2, at(2)), (5, at(15))]), milliseconds(10));
    let numbers = numbers.window(Fixed::of(fixed));
    let sum = numbers.combine_globally("sum", Sum).as_singleton();
    let percents = numbers.map_with("percent", &sum, |n, sum| 100 * n / sum);
    let greatest = percents.combine_globally("greatest", Max).as_singleton();
    let both = Both { sum, greatest };
    let seen = numbers.par_do_with("see", (&both.sum, &both.greatest), both.clone());
    check(&seen).contains_in_any_order(
        ["1 of 3, at most Some(66) %", "2 of 3, at most Some(66) %", "5 of 5, at most Some(100) %"].map(String::from),
    );
    test.run();
}

#[derive(Clone)]
struct Both {
    sum: View<i64>,
    greatest: View<Option<i64>>,
}

impl DoFn<i64> for Both {
    type Out = Output<String>;

    fn process(&mut self, n: i64, cx: &Context<'_>, out: &mut Output<String>) -> Result<(), BoxError> {
        out.emit(format!("{n} of {}, at most {:?} %", cx.side(&self.sum)?, cx.side(&self.greatest)?));
        Ok(())
    }
}

#[test]
fn one_view_for_several_transforms() {
    let test = test();
    let factor = test.create("factor", [3]).as_singleton();
    let numbers = test.create("numbers", [1, 2, 3]);
    let tripled = numbers.map_with("triple", &factor, |n, factor| n * factor);
    let nine = tripled.map_with("and again", &factor, |n, factor| n * factor);
    let multiples = tripled.filter_with("six or more", &factor, |n, factor| *n >= 2 * factor);
    check(&nine).contains_in_any_order([9, 18, 27]);
    check(&multiples).contains_in_any_order([6, 9]);
    check(&numbers.flat_map_with("repeat", &factor, |n, factor| vec![n; *factor as usize]))
        .contains_in_any_order([1, 1, 1, 2, 2, 2, 3, 3, 3]);
    test.run();
}

/// A later pane of the side input replaces an earlier one; what came before it keeps what it saw.
#[test]
fn a_view_by_triggers() {
    let test = test();
    let script = TestStream::new()
        .elements([(100_i64, at(1))])
        .elements([(1, at(2))])
        .elements([(200, at(3))])
        .elements([(2, at(4))])
        .advance_watermark(at(10))
        .elements([(3, at(12))]);
    let all = test.test_stream("numbers", script);
    let (side, main) = (all.filter("side", |n| *n >= 100), all.filter("main", |n| *n < 100));
    let often = || Trigger::after_count(1).repeatedly();
    let windows = |lateness| Fixed::of(milliseconds(10)).with().allowed_lateness(milliseconds(lateness));
    let sum = side.window(windows(0).trigger(often()).accumulating()).combine_globally("sum", Sum).as_optional(-1);
    let latest = side.window(windows(0).trigger(often()).discarding()).combine_globally("latest", Max);
    let latest = latest.as_optional(Some(-1));
    let main = main.window(Fixed::of(milliseconds(10)));
    check(&main.map_with("sum so far", &sum, |n, sum| (n, *sum))).is_map([(1, 100), (2, 300), (3, -1)]);
    check(&main.map_with("newest", &latest, |n, latest| (n, *latest))).is_map([
        (1, Some(100)),
        (2, Some(200)),
        (3, Some(-1)),
    ]);
    let global = side.window(Global.with().trigger(often()).accumulating()).combine_globally("sum of all", Sum);
    check(&main.map_with("global", &global.as_optional(-1), |n, sum| (n, *sum))).is_map([(1, 100), (2, 300), (3, 300)]);
    test.run();
}

#[test]
fn a_singleton_of_nothing_is_an_error_that_says_so() {
    let told = failure_in_bad(|pipeline| {
        let none = pipeline.create("none", Vec::<i64>::new()).as_singleton();
        pipeline.create("numbers", [1_i64]).map_with("bad", &none, |n, none| n + none)
    });
    assert!(told.contains("the singleton side input has no element in window"), "{told}");
}

#[test]
fn a_view_that_was_not_given_is_an_error_that_says_so() {
    let told = failure_in_bad(|pipeline| {
        let kinds = AllKinds::of(&pairs(pipeline));
        names(pipeline).par_do_with("bad", &kinds.list, kinds.clone())
    });
    assert!(told.contains("this view was not given to the transform"), "{told}");
}

#[test]
fn a_map_that_is_given_a_key_twice_is_an_error_that_says_so() {
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let rates = pipeline.create("rates", [("EUR".to_string(), 1), ("EUR".to_string(), 2)]).as_map();
        let numbers = pipeline.create("numbers", [1_i64]);
        numbers.map_with("convert", &rates, |n, rates| n * rates["EUR"]).write("results", results.sink());
        let told = runner.run(&pipeline.graph().unwrap()).expect_err("it fails").to_string();
        assert!(told.contains("`rates as map/collect"), "{runner}: {told}");
        assert!(told.contains("a map view was given the same key twice; use `as_multimap`"), "{runner}: {told}");
        assert!(results.take().is_empty(), "{runner}: something was published");
    }
}
