//! Calls answered, delayed and timed by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::task::noop_waker_ref;

use super::*;
use crate::bundle::{Bundle, ElementSides};
use crate::graph::Op;
use crate::kernel::{AsyncRun, Sleep};
use crate::{BoxError, Failed, Pipeline, Timestamp, milliseconds, seconds};

/// A service that answers when it is told to.
#[derive(Clone, Default)]
struct Service {
    asked: Arc<Mutex<Vec<u32>>>,
    open: Arc<Mutex<BTreeMap<u32, oneshot::Sender<Answer>>>>,
    life: Arc<Mutex<Vec<&'static str>>>,
}

type Answer = Result<Vec<u32>, String>;

impl Service {
    fn answer(&self, n: u32, answer: Answer) {
        let call = self.open.lock().unwrap().remove(&n).expect("it was asked");
        let _ = call.send(answer);
    }

    fn asked(&self) -> Vec<u32> {
        self.asked.lock().unwrap().drain(..).collect()
    }
}

impl AsyncDoFn<u32> for Service {
    type Out = Vec<u32>;

    async fn setup(&mut self) -> Result<(), BoxError> {
        self.life.lock().unwrap().push("setup");
        Ok(())
    }

    async fn process(&self, n: &u32) -> Result<Vec<u32>, BoxError> {
        let (call, answer) = oneshot::channel();
        self.asked.lock().unwrap().push(*n);
        self.open.lock().unwrap().insert(*n, call);
        Ok(answer.await??)
    }

    async fn teardown(&self) -> Result<(), BoxError> {
        self.life.lock().unwrap().push("teardown");
        Ok(())
    }
}

/// Spans that are waited for; each ends when it is taken out and dropped.
#[derive(Clone, Default)]
struct Clock(Arc<Mutex<Vec<(Duration, oneshot::Sender<()>)>>>);

impl Clock {
    fn sleep(&self) -> Sleep {
        let clock = self.clone();
        Arc::new(move |span| {
            let (end, ended) = oneshot::channel();
            clock.0.lock().unwrap().push((span, end));
            ended.map(drop).boxed()
        })
    }

    /// Lets all spans end that are still waited for.
    fn pass(&self) -> Vec<Duration> {
        let spans = std::mem::take(&mut *self.0.lock().unwrap());
        spans.into_iter().filter(|(_, end)| !end.is_canceled()).map(|(span, _)| span).collect()
    }
}

struct Running {
    service: Service,
    clock: Clock,
    run: Box<dyn AsyncRun>,
}

impl Running {
    fn new(options: AsyncOptions) -> Self {
        Running::of(options, false)
    }

    /// Its results are `Result`s where failed elements are wanted.
    fn of(options: AsyncOptions, with_failed: bool) -> Self {
        let (service, clock, pipeline) = (Service::default(), Clock::default(), Pipeline::new());
        let numbers = pipeline.create("numbers", [0_u32]);
        if with_failed {
            numbers.try_par_do_async("ask", service.clone(), options);
        } else {
            numbers.par_do_async("ask", service.clone(), options);
        }
        let graph = pipeline.graph().unwrap();
        let Op::Async(kernel) = &graph.nodes[1].op else { panic!("the second node is asynchronous") };
        let run = kernel.open(clock.sleep()).now_or_never().unwrap().unwrap();
        Running { service, clock, run }
    }

    fn push(&mut self, numbers: impl IntoIterator<Item = u32>) {
        let mut bundle = Bundle::new();
        for n in numbers {
            bundle.push(n, ElementSides::at(Timestamp::from_millis(i64::from(n))));
        }
        self.run.push(&mut bundle);
        assert!(bundle.is_empty());
    }

    fn poll_as<T: Clone + Send + Sync + 'static>(&mut self) -> Result<Vec<(T, i64)>, BoxError> {
        let mut results = Bundle::<T>::new();
        self.run.poll(&mut Context::from_waker(noop_waker_ref()), &mut results)?;
        Ok(results.drain().map(|(value, sides)| (value, sides.timestamp.millis())).collect())
    }

    fn poll(&mut self) -> Vec<u32> {
        let results = self.poll_as::<u32>().unwrap();
        results.into_iter().map(|(value, _)| value).collect()
    }

    fn error(&mut self) -> String {
        self.poll_as::<u32>().unwrap_err().to_string()
    }

    fn unfinished(&self) -> Vec<u32> {
        let mut bundle = Bundle::<u32>::new();
        self.run.unfinished(&mut bundle);
        bundle.values().to_vec()
    }
}

#[test]
fn results_come_as_the_answers_do() {
    let mut running = Running::new(AsyncOptions::new());
    running.push([10, 20, 30]);
    assert!(running.poll().is_empty());
    running.service.answer(30, Ok(vec![31, 32]));
    assert_eq!(running.poll_as::<u32>().unwrap(), [(31, 30), (32, 30)]);
    running.service.answer(10, Ok(vec![]));
    assert!(running.poll().is_empty());
    assert_eq!((running.run.hold(), running.unfinished()), (Some(Timestamp::from_millis(20)), vec![20]));
    running.service.answer(20, Ok(vec![21]));
    assert_eq!(running.poll(), [21]);
    assert!(running.run.is_empty() && running.run.hold().is_none());
}

#[test]
fn ordered_results_come_in_the_order_of_their_elements() {
    let mut running = Running::new(AsyncOptions::new().ordered().capacity(3));
    running.push([1, 3, 2, 4]);
    running.poll();
    assert_eq!(running.service.asked(), [1, 3, 2]);
    running.service.answer(2, Ok(vec![2]));
    running.service.answer(3, Ok(vec![3]));
    assert!(running.poll().is_empty());
    assert!(running.service.asked().is_empty(), "answers that cannot leave take up room");
    assert_eq!((running.run.hold(), running.unfinished()), (Some(Timestamp::from_millis(1)), vec![1, 3, 2, 4]));
    running.service.answer(1, Ok(vec![1]));
    assert_eq!(running.poll(), [1, 3, 2]);
    assert_eq!(running.service.asked(), [4]);
}

#[test]
fn no_more_calls_are_made_than_there_is_room_for() {
    let mut running = Running::new(AsyncOptions::new().capacity(2));
    assert!(running.run.has_room());
    running.push([1]);
    running.poll();
    assert!(running.run.has_room());
    running.push([2, 3, 4]);
    running.poll();
    assert_eq!(running.service.asked(), [1, 2]);
    assert!(!running.run.has_room());
    assert_eq!(running.run.hold(), Some(Timestamp::from_millis(1)));
    running.service.answer(1, Ok(vec![]));
    running.service.answer(2, Ok(vec![]));
    running.poll();
    assert_eq!(running.service.asked(), [3, 4]);
    assert_eq!(running.unfinished(), [3, 4]);
}

#[test]
fn what_was_unfinished_is_asked_again() {
    let mut before = Running::new(AsyncOptions::new().capacity(2));
    before.push([5, 4, 3]);
    before.poll();
    before.service.answer(5, Ok(vec![50]));
    assert_eq!(before.poll(), [50]);
    let mut unfinished = Bundle::<u32>::new();
    before.run.unfinished(&mut unfinished);

    let mut after = Running::new(AsyncOptions::new());
    after.run.push(&mut unfinished);
    after.poll();
    assert_eq!(after.service.asked(), [4, 3]);
    after.service.answer(4, Ok(vec![40]));
    assert_eq!(after.poll_as::<u32>().unwrap(), [(40, 4)]);
}

#[test]
fn a_failed_call_is_made_again_after_a_pause_that_doubles() {
    let retry = Retry::exponential(milliseconds(100)).max_attempts(4).max_delay(milliseconds(300));
    let mut running = Running::new(AsyncOptions::new().retry(retry));
    running.push([7]);
    for (attempt, whole_ms) in [100, 200, 300].into_iter().enumerate() {
        running.poll();
        assert_eq!(running.service.asked(), [7], "attempt {attempt}");
        running.service.answer(7, Err("out of order".into()));
        running.poll();
        let pauses = running.clock.pass();
        assert_eq!(pauses.len(), 1);
        assert!(pauses[0] > milliseconds(whole_ms / 2) && pauses[0] <= milliseconds(whole_ms), "{pauses:?}");
    }
    running.poll();
    running.service.answer(7, Err("out of order".into()));
    assert_eq!(running.error(), "out of order, at attempt 4 of 4");
}

#[test]
fn pauses_differ_between_elements_and_not_between_runs() {
    let retry = Retry::exponential(seconds(1));
    let pauses: Vec<_> = (0..100).map(|element| retry.delay(1, element)).collect();
    assert!(pauses.iter().all(|pause| *pause > milliseconds(500) && *pause <= seconds(1)));
    assert!(
        pauses.iter().any(|pause| *pause < milliseconds(600)) && pauses.iter().any(|pause| *pause > milliseconds(900))
    );
    assert_eq!(pauses[42], retry.delay(1, 42));
    assert!(Retry::exponential(Duration::MAX).max_delay(Duration::MAX).delay(u32::MAX, 1) > Duration::ZERO);
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up() {
    let retry = Retry::exponential(milliseconds(10)).max_attempts(2);
    let mut running = Running::new(AsyncOptions::new().timeout(seconds(5)).retry(retry));
    running.push([1]);
    running.poll();
    assert_eq!(running.clock.pass(), [seconds(5)]);
    running.poll();
    assert!(running.service.open.lock().unwrap()[&1].is_canceled(), "the call itself is dropped");
    assert!(running.clock.pass()[0] <= milliseconds(10));
    running.poll();
    running.service.answer(1, Ok(vec![10]));
    assert_eq!(running.poll(), [10]);
    assert_eq!(running.clock.pass(), [], "nobody waits any more");

    running.push([2]);
    for _ in 0..3 {
        running.poll();
        running.clock.pass();
    }
    assert_eq!(running.error(), "there was no answer within 5s, at attempt 2 of 2");
}

#[test]
fn errors_that_stay_are_not_waited_out() {
    let only_slow = Retry::exponential(seconds(1)).max_attempts(9).only_if(|error| error.is::<TimedOut>());
    let mut running = Running::new(AsyncOptions::new().timeout(seconds(1)).retry(only_slow));
    running.push([1]);
    running.poll();
    running.clock.pass();
    running.poll();
    assert_eq!(running.clock.pass().len(), 1, "a pause before the second attempt");
    running.poll();
    running.service.answer(1, Err("no such article".into()));
    assert_eq!(running.error(), "no such article, at attempt 2 of 9");
}

#[test]
fn one_attempt_fails_with_its_own_error() {
    let mut running = Running::new(AsyncOptions::new());
    running.push([1]);
    running.poll();
    running.service.answer(1, Err("no such article".into()));
    assert_eq!(running.error(), "no such article");
}

#[test]
fn elements_whose_calls_fail_are_given_with_the_error() {
    let mut running = Running::of(AsyncOptions::new().ordered(), true);
    running.push([1, 2]);
    running.poll_as::<Result<u32, Failed<u32>>>().unwrap();
    running.service.answer(2, Ok(vec![20]));
    running.service.answer(1, Err("no such article".into()));
    let failed = Failed { element: 1, error: "no such article".into() };
    assert_eq!(running.poll_as::<Result<u32, Failed<u32>>>().unwrap(), [(Err(failed), 1), (Ok(20), 2)]);
}

#[test]
fn an_instance_is_set_up_and_torn_down() {
    let mut running = Running::new(AsyncOptions::new());
    running.push([1]);
    running.poll();
    running.run.teardown().now_or_never().unwrap().unwrap();
    assert!(running.service.open.lock().unwrap()[&1].is_canceled());
    assert_eq!(*running.service.life.lock().unwrap(), ["setup", "teardown"]);
}
