//! A job goes on with a changed pipeline where that is safe, and is refused by name where it is not.

use purlin::PCollection;
use purlin::prelude::*;

use crate::job::{Scene, message, sums};

type Words = PCollection<(String, i64)>;

/// A scene with an open window.
fn begun() -> Scene {
    let scene = Scene::new();
    scene.send("be", 1, 10);
    assert_eq!(scene.run(sums, 2).expect("it runs"), []);
    scene.send("be", 2, 20);
    scene.watermark(500);
    scene
}

#[test]
fn a_new_stateless_step_is_taken_in() {
    fn with_steps(words: Words) -> Words {
        sums(words.filter("not empty", |(word, _)| !word.is_empty())).map("tenfold", |(word, n)| (word, n * 10))
    }
    assert_eq!(begun().run(with_steps, 3).expect("it goes on"), [("be".to_string(), 30)]);
}

#[test]
fn state_that_has_no_place_any_more_is_named() {
    fn renamed(words: Words) -> Words {
        words.window(Fixed::of(milliseconds(100))).combine_per_key("total", Sum)
    }
    let message = message(begun().run(renamed, 2));
    assert!(message.contains("`sum`") && message.contains("--checkpoint-dir"), "{message}");
}

#[test]
fn retyped_state_is_named_with_both_types() {
    fn greatest(words: Words) -> Words {
        words
            .window(Fixed::of(milliseconds(100)))
            .combine_per_key("sum", Max)
            .map("known", |(word, n)| (word, n.unwrap_or(0)))
    }
    let message = message(begun().run(greatest, 2));
    assert!(message.contains("`sum`"), "{message}");
    assert!(message.contains("i64") || message.contains("Sum"), "{message}");
}
