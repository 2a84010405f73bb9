//! Splittable `DoFn`s: what is emitted stands where its element stood, whatever is divided, interrupted and gone on with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use purlin::prelude::*;
use purlin::split::{Continuation, Monotonic, Offsets, SplitWork, SplittableDoFn};
use purlin::testing::{TestStream, check};

use crate::{RUNNERS, at, test, window};

/// Each word with the numbers below its length; after every number it asks to be called again.
#[derive(Clone)]
struct Indexed {
    part: u64,
    resumes: bool,
    alive: Arc<AtomicI64>,
}

impl Indexed {
    fn in_parts_of(part: u64) -> Indexed {
        Indexed { part, resumes: false, alive: Arc::default() }
    }
}

impl SplittableDoFn<String> for Indexed {
    type Restriction = Offsets;
    type Estimator = Monotonic;
    type Out = (String, u64);

    fn restriction(&self, word: &String) -> Result<Offsets, BoxError> {
        Ok(Offsets::between(0, word.len() as u64))
    }

    fn split(&self, _: &String, all: Offsets) -> Vec<Offsets> {
        all.split_every(self.part)
    }

    fn setup(&mut self) -> Result<(), BoxError> {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn process(
        &mut self,
        word: &String,
        work: &mut SplitWork<'_, Offsets, Monotonic, (String, u64)>,
    ) -> Result<Continuation, BoxError> {
        loop {
            let index = work.restriction().next();
            if !work.try_claim(index) {
                return Ok(Continuation::Stop);
            }
            work.emit((word.clone(), index));
            if self.resumes {
                return Ok(Continuation::Resume(Duration::ZERO));
            }
        }
    }

    fn teardown(&mut self) -> Result<(), BoxError> {
        self.alive.fetch_add(-1, Ordering::Relaxed);
        Ok(())
    }
}

fn words(pipeline: &Pipeline) -> PCollection<String> {
    pipeline
        .create_at("words", [("a", 1), ("bb", 12), ("", 3), ("cccc", 4)].map(|(word, ms)| (word.to_string(), at(ms))))
}

fn indexed(word: &str) -> Vec<(String, u64)> {
    (0..word.len() as u64).map(|index| (word.to_string(), index)).collect()
}

fn all() -> Vec<(String, u64)> {
    ["a", "bb", "cccc"].map(indexed).concat()
}

#[test]
fn each_position_once_however_it_is_divided() {
    let test = test();
    let words = words(&test);
    for part in [1, 3, 100] {
        let pairs = words.par_do_splittable(&format!("parts of {part}"), Indexed::in_parts_of(part));
        check(&pairs).contains_in_any_order(all());
    }
    test.run();
}

#[test]
fn what_asks_to_be_called_again_is() {
    let test = test();
    let pairs = words(&test).par_do_splittable("resume", Indexed { resumes: true, ..Indexed::in_parts_of(100) });
    check(&pairs).contains_in_any_order(all());
    test.run();
}

/// Equal work that stands at several times is kept apart while it waits.
#[test]
fn equal_elements_at_several_times() {
    let test = test();
    let words = test.create_at("words", [1, 8, 12, 8].map(|ms| ("bb".to_string(), at(ms))));
    let work = Indexed { resumes: true, ..Indexed::in_parts_of(100) };
    let pairs = words.window(Fixed::of(milliseconds(10))).par_do_splittable("indexes", work);
    check(&pairs).contains_at(
        [1, 8, 12, 8].into_iter().flat_map(|ms| indexed("bb").into_iter().map(move |pair| (pair, at(ms)))),
    );
    test.run();
}

/// Windows that may still merge are no hindrance: work has no state that a user sees.
#[test]
fn sessions_merge_behind_it() {
    let test = test();
    let words = words(&test).window(Sessions::of(milliseconds(10)));
    let pairs = words.par_do_splittable("indexes", Indexed { resumes: true, ..Indexed::in_parts_of(2) });
    let sums = pairs.map("one key", |(word, index)| ((), (word, index))).group_by_key("sessions");
    check(&sums.map("count", |((), all)| all.len())).contains_at([(7, at(21))]);
    test.run();
}

#[test]
fn timestamps_and_windows_are_those_of_the_element() {
    let test = test();
    let words = words(&test);
    let fixed = words.window(Fixed::of(milliseconds(10)));
    let pairs = fixed.par_do_splittable("fixed", Indexed::in_parts_of(2));
    check(&pairs)
        .in_window(window(0, 10))
        .contains_at(
            [("a", 1), ("cccc", 4)].iter().flat_map(|(word, ms)| indexed(word).into_iter().map(|pair| (pair, at(*ms)))),
        )
        .in_window(window(10, 20))
        .contains_at(indexed("bb").into_iter().map(|pair| (pair, at(12))));
    let sliding = words.window(Sliding::of(milliseconds(20)).every(milliseconds(10)));
    let pairs = sliding.par_do_splittable("sliding", Indexed::in_parts_of(2));
    check(&pairs)
        .in_window(window(-10, 10))
        .contains_in_any_order([indexed("a"), indexed("cccc")].concat())
        .in_window(window(0, 20))
        .contains_in_any_order(all())
        .in_window(window(10, 30))
        .contains_in_any_order(indexed("bb"));
    test.run();
}

#[test]
fn what_it_emits_is_grouped_like_anything_else() {
    let test = test();
    let fixed = words(&test).window(Fixed::of(milliseconds(10)));
    let pairs = fixed.par_do_splittable("indexes", Indexed { resumes: true, ..Indexed::in_parts_of(2) });
    check(&pairs.combine_per_key("sum", Sum))
        .in_window(window(0, 10))
        .is_map([("a".to_string(), 0), ("cccc".to_string(), 6)])
        .in_window(window(10, 20))
        .is_map([("bb".to_string(), 1)]);
    test.run();
}

/// A late element is worked on like others: lateness is the business of the next grouping.
#[test]
fn late_elements() {
    let test = test();
    let script = TestStream::new()
        .elements([("a".to_string(), at(1))])
        .advance_watermark(at(100))
        .elements([("bb".to_string(), at(2))]);
    let words = test.test_stream("words", script).window(Fixed::of(milliseconds(10)));
    let pairs = words.par_do_splittable("indexes", Indexed::in_parts_of(1));
    check(&pairs).contains_in_any_order([indexed("a"), indexed("bb")].concat());
    let (sums, dropped) = pairs.combine_per_key_with_dropped("sum", Sum);
    check(&sums).is_map([("a".to_string(), 0)]);
    check(&dropped.map("element", |dropped| dropped.element)).contains_in_any_order(indexed("bb"));
    test.run();
}

#[test]
fn what_is_set_up_is_torn_down() {
    for runner in RUNNERS {
        let (pipeline, work) = (Pipeline::new(), Indexed::in_parts_of(1));
        words(&pipeline).par_do_splittable("indexes", work.clone()).write("results", MemorySink::new().sink());
        runner.run(&pipeline.graph().unwrap()).unwrap();
        assert_eq!(work.alive.load(Ordering::Relaxed), 0, "{runner}");
    }
}

/// Has no restriction.
#[derive(Clone)]
struct Refusing;

impl SplittableDoFn<String> for Refusing {
    type Restriction = Offsets;
    type Estimator = Monotonic;
    type Out = u64;

    fn restriction(&self, word: &String) -> Result<Offsets, BoxError> {
        Err(format!("there is nothing to do for {word:?}").into())
    }

    fn process(
        &mut self,
        _: &String,
        _: &mut SplitWork<'_, Offsets, Monotonic, u64>,
    ) -> Result<Continuation, BoxError> {
        Ok(Continuation::Stop)
    }
}

#[test]
fn an_error_names_the_transform() {
    let pipeline = Pipeline::new();
    let one = pipeline.create("words", ["a".to_string()]);
    drop(one.par_do_splittable("refuse", Refusing));
    for runner in RUNNERS {
        let failure = runner.run(&pipeline.graph().unwrap()).expect_err("it is refused");
        assert!(matches!(&failure, Failure::Transform { transform, .. } if transform == "refuse/split"), "{failure}");
        assert!(failure.to_string().contains("there is nothing to do for \"a\""), "{failure}");
    }
}
