//! Calls that fail, or take too long.

use std::future::pending;
use std::sync::atomic::Ordering;

use purlin::Failed;
use purlin::prelude::*;
use purlin_tests::Runner;

use crate::service::Service;

fn patiently(attempts: u32) -> AsyncOptions {
    AsyncOptions::new().retry(Retry::exponential(milliseconds(1)).max_attempts(attempts))
}

/// What a run gives: results, failed elements.
fn run(runner: Runner, service: Service, options: AsyncOptions) -> (Vec<i64>, Vec<Failed<i64>>) {
    let (pipeline, answers, failures) = (Pipeline::new(), MemorySink::new(), MemorySink::new());
    let numbers = pipeline.read("numbers", MemorySource::new(1..40).split_into(3).bundles_of(5));
    let (good, bad) = numbers.try_par_do_async("ask", service, options);
    good.write("answers", answers.sink());
    bad.write("failures", failures.sink());
    runner.run(&pipeline.graph().unwrap()).unwrap_or_else(|failure| panic!("{runner}: {failure}"));
    let (mut answers, mut failures) = (answers.take(), failures.take());
    answers.sort_unstable();
    failures.sort_unstable_by_key(|failed| failed.element);
    (answers, failures)
}

#[test]
fn calls_are_made_again_as_often_as_is_said() {
    let expected: Vec<_> = (1..40).filter_map(Service::answer).collect();
    for runner in Runner::ALL {
        let service = Service::failing(2);
        let (answers, failures) = run(runner, service.clone(), patiently(3));
        assert_eq!((answers, failures.len()), (expected.clone(), 0), "{runner}");
        assert_eq!(service.attempts_each(), 3, "{runner}");
    }
}

#[test]
fn elements_without_an_answer_are_an_output() {
    for runner in Runner::ALL {
        let service = Service::failing(usize::MAX);
        let (answers, failures) = run(runner, service.clone(), patiently(2).ordered());
        assert!(answers.is_empty(), "{runner}");
        assert_eq!(failures.len(), 39, "{runner}");
        let seventh = Failed { element: 7, error: "no line to 7, at attempt 2 of 2".into() };
        assert_eq!(failures[6], seventh, "{runner}");
        assert_eq!(service.attempts_each(), 2, "{runner}");
    }
}

/// Every runner fails with the transform's name and this message, and publishes nothing.
fn check<T: Element>(message: &str, build: impl Fn(PCollection<i64>) -> PCollection<T>) {
    for runner in Runner::ALL {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let numbers = pipeline.read("numbers", MemorySource::new(1..40).split_into(3).bundles_of(5));
        build(numbers).write("results", results.sink());
        let Err(failure) = runner.run(&pipeline.graph().unwrap()) else { panic!("{runner} succeeds") };
        assert!(matches!(&failure, Failure::Transform { transform, .. } if transform == "ask"), "{runner}: {failure}");
        assert!(failure.to_string().contains(message), "{runner}: {failure}");
        assert!(results.take().is_empty(), "{runner}");
    }
}

#[test]
fn a_last_attempt_that_fails_fails_the_pipeline() {
    let service = || Service::failing(usize::MAX);
    check("at attempt 2 of 2", |numbers| numbers.par_do_async("ask", service(), patiently(2)));
    check("no line to", |numbers| numbers.par_do_async("ask", service(), AsyncOptions::new().ordered()));
}

#[test]
fn an_instance_that_failed_is_torn_down() {
    for runner in Runner::ALL {
        let service = Service::failing(1);
        let pipeline = Pipeline::new();
        pipeline.create("number", [1]).par_do_async("ask", service.clone(), AsyncOptions::new());
        runner.run(&pipeline.graph().unwrap()).unwrap_err();
        assert!(service.torn_down.load(Ordering::Relaxed) > 0, "{runner}");
    }
}

#[test]
fn a_call_without_an_answer_ends() {
    let options = || AsyncOptions::new().timeout(milliseconds(30)).retry(Retry::exponential(milliseconds(1)));
    check("there was no answer within 30ms, at attempt 3 of 3", |numbers| {
        let never = |n: i64| async move { if n == 20 { pending().await } else { Ok::<_, BoxError>(n) } };
        numbers.map_async("ask", never, options())
    });
}

#[derive(Clone)]
struct Unreachable;

impl AsyncDoFn<i64> for Unreachable {
    type Out = Option<i64>;

    async fn setup(&mut self) -> Result<(), BoxError> {
        Err("nobody is there".into())
    }

    async fn process(&self, _: &i64) -> Result<Option<i64>, BoxError> {
        unreachable!("it was never set up")
    }
}

#[test]
fn a_setup_that_fails_fails_the_pipeline() {
    check("nobody is there", |numbers| numbers.par_do_async("ask", Unreachable, AsyncOptions::new()));
}
