//! The stream runner while calls are under way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use purlin::io::memory;
use purlin::prelude::*;
use purlin_tests::{Live, PATIENCE, eventually, within};
use tokio::sync::watch;

/// Numbers of workers that every test is run with.
const WORKERS: [usize; 2] = [1, 3];
/// How long to look on when nothing is to happen.
const A_WHILE: Duration = Duration::from_millis(250);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Answers at once but for numbers that are held.
#[derive(Clone)]
struct Gate {
    held: Arc<watch::Sender<BTreeSet<i64>>>,
    asked: Arc<Mutex<Vec<i64>>>,
}

impl Gate {
    fn holding(held: impl IntoIterator<Item = i64>) -> Self {
        Gate { held: Arc::new(watch::Sender::new(held.into_iter().collect())), asked: Arc::default() }
    }

    fn release(&self, n: i64) {
        self.held.send_modify(|held| held.retain(|other| *other != n));
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl AsyncDoFn<i64> for Gate {
    type Out = [i64; 1];

    async fn process(&self, n: &i64) -> Result<[i64; 1], BoxError> {
        self.asked.lock().unwrap().push(*n);
        self.held.subscribe().wait_for(|held| !held.contains(n)).await?;
        Ok([*n])
    }
}

fn start(pipeline: &Pipeline, workers: usize) -> std::thread::JoinHandle<Result<(), Failure>> {
    let graph = pipeline.graph().unwrap();
    std::thread::spawn(move || StreamRunner::new().parallelism(workers).run(&graph))
}

fn end(job: std::thread::JoinHandle<Result<(), Failure>>) {
    within("the pipeline's end", PATIENCE, || job.join()).unwrap().unwrap();
}

fn wait_for(results: &Live<i64>, expected: &[i64]) {
    eventually(&format!("{expected:?}"), PATIENCE, || (results.values().len() >= expected.len()).then_some(()));
    assert_eq!(results.values(), expected);
}

#[test]
fn the_watermark_waits_for_the_earliest_element_without_an_answer() {
    for workers in WORKERS {
        for ordered in [false, true] {
            let (gate, answers, sums) = (Gate::holding([2, 5]), Live::new(), Live::new());
            let (sender, stream) = memory::channel();
            let pipeline = Pipeline::new();
            let options = AsyncOptions::new();
            let options = if ordered { options.ordered() } else { options };
            let asked = pipeline.read("numbers", stream).par_do_async("ask", gate.clone(), options);
            asked.write("answers", answers.sink());
            asked.window(Fixed::of(milliseconds(100))).combine_globally("sum", Sum).write("sums", sums.sink());
            let job = start(&pipeline, workers);
            sender.send(1, at(10));
            sender.send(2, at(150));
            sender.send(3, at(160));
            sender.send(5, at(250));
            sender.advance_watermark(at(300));
            // The first window is complete; the others wait for 2 and 5.
            wait_for(&sums, &[1]);
            wait_for(&answers, if ordered { &[1] } else { &[1, 3] });
            std::thread::sleep(A_WHILE);
            assert_eq!(sums.values(), [1]);
            gate.release(2);
            wait_for(&sums, &[1, 5]);
            std::thread::sleep(A_WHILE);
            assert_eq!(sums.values(), [1, 5]);
            gate.release(5);
            wait_for(&sums, &[1, 5, 5]);
            sender.close();
            end(job);
        }
    }
}

#[test]
fn nothing_more_is_taken_in_than_there_is_room_for() {
    const ELEMENTS: i64 = 200_000;
    let (gate, answers) = (Gate::holding(0..ELEMENTS), Live::new());
    let (sender, stream) = memory::channel();
    sender.send_all((0..ELEMENTS).map(|n| (n, at(n))));
    let pipeline = Pipeline::new();
    let read = pipeline.counter("read");
    let counted = read.clone();
    let numbers = pipeline.read("numbers", stream).map("count", move |n| {
        counted.increment();
        n
    });
    numbers.par_do_async("ask", gate.clone(), AsyncOptions::new().capacity(17)).write("answers", answers.sink());
    let job = start(&pipeline, 1);
    eventually("17 calls", PATIENCE, || (gate.asked() == 17).then_some(()));
    std::thread::sleep(A_WHILE);
    assert_eq!(gate.asked(), 17);
    assert!(read.value() < 100_000, "{} read ahead", read.value());
    gate.held.send_modify(BTreeSet::clear);
    sender.close();
    end(job);
    assert_eq!(answers.values(), (0..ELEMENTS).collect::<Vec<_>>());
}

/// While the sink takes nothing, calls that are under way still get their answers, however long that lasts.
#[test]
fn calls_go_on_while_their_results_wait_for_room() {
    const ELEMENTS: i64 = 100_000;
    let (answers, pipeline) = (Live::closed(), Pipeline::new());
    let (sender, stream) = memory::channel();
    sender.send_all((0..ELEMENTS).map(|n| (n, at(n))));
    let quick = |n: i64| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok::<_, BoxError>(n)
    };
    let options = AsyncOptions::new().capacity(2_000).timeout(A_WHILE * 4);
    pipeline.read("numbers", stream).map_async("ask", quick, options).write("answers", answers.sink());
    let job = start(&pipeline, 1);
    std::thread::sleep(A_WHILE * 8);
    answers.open();
    sender.close();
    end(job);
    assert_eq!(answers.values(), (0..ELEMENTS).collect::<Vec<_>>());
}
