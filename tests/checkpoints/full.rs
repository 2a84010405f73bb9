//! A disk that is full: the job waits for room, or ends and says so; nothing is lost, and nothing is there twice.

use std::sync::Arc;
use std::time::Duration;

use purlin::Failure;
use purlin::io::memory::{self, MemoryStream};
use purlin::prelude::*;
use purlin::runners::CheckpointSettings;
use purlin::runners::checkpoint::MemoryStorage;

use crate::small_disk::{Checkpoints, Disk, Output};

const ELEMENTS: i64 = 400;

/// A job with its checkpoints and its output, each on a disk.
struct Place {
    input: MemoryStream<i64>,
    checkpoints: Arc<Checkpoints>,
    output: MemorySink<i64>,
    output_disk: Disk,
}

impl Place {
    fn new(checkpoints: Disk, output_disk: Disk) -> Self {
        let (sender, input) = memory::channel();
        // So slow that there are checkpoints on the way.
        std::thread::spawn(move || {
            for n in 0..ELEMENTS {
                sender.send(n, Timestamp::from_millis(n));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let checkpoints = Arc::new(Checkpoints(MemoryStorage::default(), checkpoints));
        Place { input, checkpoints, output: MemorySink::new(), output_disk }
    }

    /// Runs the job to its end, which comes when it has gone on `recoveries` times in a row without a checkpoint, or with its input's.
    fn run(&self, recoveries: u32) -> Result<(), Failure> {
        let pipeline = Pipeline::new();
        let numbers = pipeline.read("numbers", self.input.clone()).reshuffle();
        numbers.write("out", Output(self.output.sink(), self.output_disk.clone()));
        let mut settings = CheckpointSettings::new("full", self.checkpoints.clone());
        settings.interval = Duration::from_millis(5);
        settings.recoveries = recoveries;
        StreamRunner::new().parallelism(2).checkpoints(settings).run(&pipeline.graph()?)
    }

    fn has_all_once(&self) {
        let mut found = self.output.take();
        found.sort_unstable();
        assert_eq!(found, (0..ELEMENTS).collect::<Vec<_>>());
    }
}

const ROOMY: (u32, u32) = (u32::MAX, 0);

fn disk((from, writes): (u32, u32)) -> Disk {
    Disk::full(from, writes)
}

#[test]
fn a_disk_that_is_full_for_a_while_holds_the_job_up() {
    std::thread::scope(|scope| {
        for full_from in [2, 3, 4, 5, 8] {
            for (checkpoints, output) in [((full_from, 3), ROOMY), (ROOMY, (full_from, 2)), ((full_from, 2), (2, 1))] {
                scope.spawn(move || {
                    let place = Place::new(disk(checkpoints), disk(output));
                    place.run(10).unwrap_or_else(|failure| panic!("{checkpoints:?}, {output:?}: {failure}"));
                    assert!(place.checkpoints.1.was_full() || place.output_disk.was_full(), "it never was full");
                    place.has_all_once();
                });
            }
        }
    });
}

#[test]
fn one_that_stays_full_ends_it_and_it_goes_on_when_there_is_room() {
    for (checkpoints, output, told) in
        [((6, 9), ROOMY, ["checkpoint", "no space", "the small disk/"]), (ROOMY, (3, 2), ["`out`", "no", "space"])]
    {
        let place = Place::new(disk(checkpoints), disk(output));
        let failure = place.run(1).expect_err("there is no room").to_string();
        assert!(told.iter().all(|word| failure.contains(word)), "{failure}");
        while place.run(1).is_err() {}
        place.has_all_once();
    }
}

#[test]
fn one_that_is_full_at_launch_is_told_at_once() {
    let place = Place::new(disk((0, 1)), disk(ROOMY));
    let failure = place.run(10).expect_err("there is no room").to_string();
    assert!(failure.contains("no space") && failure.contains("the small disk/"), "{failure}");
    place.run(10).expect("there is room again");
    place.has_all_once();
}
