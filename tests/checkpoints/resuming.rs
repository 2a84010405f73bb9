//! A job goes on where it was, with however many workers.

use std::sync::Arc;

use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, StopMode};
use purlin_tests::Live;

use crate::job::{Scene, message, sums};

fn pair(word: &str, n: i64) -> (String, i64) {
    (word.to_string(), n)
}

#[test]
fn open_windows_survive_and_closed_ones_do_not_come_again() {
    for (before, after) in [(1, 1), (1, 3), (3, 1), (2, 5)] {
        let scene = Scene::new();
        scene.send("be", 1, 10);
        scene.send("be", 2, 110);
        scene.send("not", 4, 120);
        scene.watermark(105);
        assert_eq!(scene.run(sums, before).expect("it runs"), [pair("be", 1)]);

        scene.send("be", 8, 130);
        scene.send("be", 16, 20);
        scene.watermark(300);
        let published = scene.run(sums, after).expect("it goes on");
        assert_eq!(published, [pair("be", 10), pair("not", 4)], "{before} workers, then {after}: 16 is late");
    }
}

#[test]
fn a_drained_job_has_nothing_left_to_do() {
    let scene = Scene::new();
    scene.send("be", 1, 10);
    assert_eq!(scene.run_until(sums, 2, StopMode::Drain).expect("it runs"), [pair("be", 1)]);
    assert_eq!(scene.run(sums, 2).expect("it says so, and ends well"), []);
}

#[test]
fn a_folder_belongs_to_one_job() {
    let scene = Scene::new();
    scene.send("be", 1, 10);
    scene.run(sums, 1).expect("it runs");
    let storage = LocalStorage::open(scene.checkpoints()).expect("the folder");
    let settings = CheckpointSettings::new("other", Arc::new(storage));
    let pipeline = Pipeline::new();
    pipeline.create("numbers", [1]).write("out", MemorySink::new());
    let graph = pipeline.graph().expect("a sound graph");
    let refused = StreamRunner::new().checkpoints(settings).run(&graph).expect_err("it is refused");
    assert!(refused.is_misuse(), "{refused}");
    assert!(refused.to_string().contains("job `sums`") && refused.to_string().contains("job `other`"), "{refused}");
}

#[test]
fn output_that_is_visible_at_once_is_refused_under_exactly_once() {
    let scene = Scene::new();
    let storage = LocalStorage::open(scene.checkpoints()).expect("the folder");
    let settings = CheckpointSettings::new("live", Arc::new(storage));
    let pipeline = Pipeline::new();
    pipeline.create("numbers", [1]).write("out", Live::new());
    let graph = pipeline.graph().expect("a sound graph");
    let result = StreamRunner::new().checkpoints(settings).run(&graph).map(|()| Vec::new());
    let message = message(result);
    assert!(message.contains("`out`") && message.contains("--guarantee at-least-once"), "{message}");
}
