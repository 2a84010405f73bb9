//! The offsets that ride along, on a real broker: moved between two runs they are refused; deleted, as the refusal says, they are not missed.

use std::sync::Arc;
use std::time::Duration;

use purlin::Failure;
use purlin::io::kafka::{KafkaSink, KafkaSource};
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, StopMode};
use purlin_tests::{Broker, PATIENCE, eventually, with_broker, within};
use tempfile::TempDir;

/// A job that doubles numbers from one topic into another.
struct Doubling<'a> {
    broker: &'a Broker,
    input: String,
    output: String,
    folder: TempDir,
}

impl Doubling<'_> {
    /// Runs it until so many numbers are out, or it ends by itself.
    fn run_until(&self, count: usize) -> Result<(), Failure> {
        let servers = self.broker.servers();
        let pipeline = Pipeline::new();
        pipeline
            .read("in", KafkaSource::new(servers, [&self.input]).json::<i64>())
            .map("double", |n| n * 2)
            .write("out", KafkaSink::new(servers, &self.output).json::<i64>());
        let graph = pipeline.graph()?;
        let storage = LocalStorage::open(self.folder.path()).expect("a folder");
        let mut settings = CheckpointSettings::new(&self.output, Arc::new(storage));
        settings.interval = Duration::from_millis(50);
        let runner = StreamRunner::new().parallelism(2).checkpoints(settings);
        let stop = runner.stop_handle();
        let run = std::thread::spawn(move || runner.run(&graph));
        let is_out = || self.broker.committed(&self.output).len() >= count;
        eventually("all numbers, or an end", PATIENCE, || (run.is_finished() || is_out()).then_some(()));
        stop.stop(StopMode::Stop);
        within("the job's end", PATIENCE, || run.join()).expect("no panic")
    }

    fn send(&self, numbers: std::ops::Range<i64>) {
        for partition in 0..2 {
            let own = numbers.clone().filter(|n| n % 2 == i64::from(partition));
            let payloads: Vec<String> = own.map(|n| n.to_string()).collect();
            self.broker.send(&self.input, partition, payloads.iter().map(String::as_bytes));
        }
    }
}

#[test]
fn offsets_that_were_moved_between_two_runs_are_refused() {
    with_broker(|broker| {
        let (input, output) = (broker.topic("offsets-in", 2), broker.topic("offsets-out", 2));
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let job = Doubling { broker, input, output, folder };
        let group = format!("purlin-{}", job.output);
        job.send(0..20);
        job.run_until(20).expect("it runs");
        assert_eq!(broker.group_positions(&group, &job.input), 20);
        job.send(20..40);
        job.run_until(40).expect("nobody moved them: it goes on");

        for by in [-5, 5] {
            broker.move_group(&group, &job.input, by);
            let refused = job.run_until(0).expect_err("it is refused");
            assert!(refused.is_misuse(), "{refused}");
            let (refused, there) = (refused.to_string(), 20 + by);
            let named = format!("{}/1 the group has {there} and the checkpoint 20", job.input);
            for part in [&*named, &*group, &*job.output, "kafka-consumer-groups.sh --delete", "--checkpoint-dir"] {
                assert!(refused.contains(part), "{part}: {refused}");
            }
            broker.move_group(&group, &job.input, -by);
        }
        job.send(40..60);
        job.run_until(60).expect("they are back: it goes on");
        broker.move_group(&group, &job.input, -30);
        broker.delete_group(&group);
        job.send(60..80);
        job.run_until(80).expect("they are deleted: it goes on");
        assert_eq!(broker.group_positions(&group, &job.input), 80);

        let number = |payload: Vec<u8>| String::from_utf8_lossy(&payload).parse::<i64>().expect("a number");
        let mut numbers: Vec<i64> = broker.committed(&job.output).into_iter().map(number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..80).map(|n| n * 2).collect::<Vec<_>>(), "each once");
        broker.delete(&[job.input, job.output]);
    });
}
