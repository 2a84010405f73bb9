//! A drain that does not come to its end: whoever goes on from a checkpoint on the way drains the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use purlin::Failure;
use purlin::io::memory::{self, MemoryStream};
use purlin::prelude::*;
use purlin::runners::checkpoint::MemoryStorage;
use purlin::runners::{CheckpointSettings, Observer, StopHandle, StopMode, StreamRunner};
use purlin_tests::{PATIENCE, eventually, within};

const NOT_YET: u8 = 0;
const NEVER: u8 = 1;
const AT_ONCE: u8 = 2;

/// Sums per window, behind which a service is asked that answers as it is told to.
struct Job {
    input: MemoryStream<i64>,
    sums: MemorySink<i64>,
    storage: MemoryStorage,
    answers: Arc<AtomicU8>,
}

type Run = std::thread::JoinHandle<Result<(), Failure>>;

impl Job {
    fn start(&self) -> (Arc<Observer>, StopHandle, Run) {
        let pipeline = Pipeline::new();
        let answers = self.answers.clone();
        let ask = move |sum| {
            let answers = answers.clone();
            async move {
                loop {
                    match answers.load(Ordering::Relaxed) {
                        NOT_YET => tokio::time::sleep(Duration::from_millis(5)).await,
                        NEVER => return Err(BoxError::from("the service is gone")),
                        _ => return Ok(sum),
                    }
                }
            }
        };
        let windows = pipeline.read("numbers", self.input.clone()).window(Fixed::of(milliseconds(100)));
        let sums = windows.combine_globally("sum", Sum);
        sums.map_async("ask", ask, AsyncOptions::new()).write("sums", self.sums.sink());
        let mut settings = CheckpointSettings::new("draining", Arc::new(self.storage.clone()));
        settings.interval = Duration::from_millis(10);
        let observer = Arc::new(Observer::default());
        let runner = StreamRunner::new().parallelism(2).observer(observer.clone()).checkpoints(settings);
        let graph = pipeline.graph().expect("a sound graph");
        (observer, runner.stop_handle(), std::thread::spawn(move || runner.run(&graph)))
    }
}

fn end(run: Run) -> Result<(), Failure> {
    within("the job's end", PATIENCE, || run.join()).expect("no panic")
}

#[test]
fn a_drain_that_was_cut_short_goes_on_as_one() {
    let (sender, input) = memory::channel();
    let answers = Arc::new(AtomicU8::new(NOT_YET));
    let job = Job { input, sums: MemorySink::new(), storage: MemoryStorage::default(), answers };
    let at = Timestamp::from_millis;
    sender.send_all([(1, at(0)), (20, at(150)), (300, at(160))]);
    let (observer, stop, run) = job.start();
    eventually("everything to be read", PATIENCE, || (observer.elements_read() == 3).then_some(()));
    stop.stop(StopMode::Drain);
    let number = || observer.checkpoint().map_or(0, |report| report.checkpoint);
    let drained = number();
    // Every window has been closed, and nothing is answered.
    eventually("checkpoints on the way", PATIENCE, || (number() >= drained + 3).then_some(()));
    job.answers.store(NEVER, Ordering::Relaxed);
    end(run).expect_err("the service is gone");
    assert!(job.sums.take().is_empty());

    job.answers.store(AT_ONCE, Ordering::Relaxed);
    // Nobody reads this any more: those behind were told that time has ended.
    sender.send(4_000, at(170));
    let (_, _, run) = job.start();
    end(run).expect("it comes to its end by itself");
    let mut sums = job.sums.take();
    sums.sort_unstable();
    assert_eq!(sums, [1, 320]);
}
