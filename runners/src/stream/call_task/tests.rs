//! The task between its two channels, answered by hand.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{BoxFuture, Fuse, LocalBoxFuture, pending};
use futures::task::noop_waker_ref;
use futures::{Future, FutureExt};
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::graph::Op;
use purlin_model::{AsyncDoFn, AsyncOptions, Pipeline};

use super::*;
use crate::stream::channel;

/// Answers when it is told to.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<BTreeMap<i64, oneshot::Sender<Vec<i64>>>>>);

impl Service {
    fn answer(&self, n: i64, answer: &[i64]) {
        let call = self.0.lock().unwrap().remove(&n).expect("it was asked");
        let _ = call.send(answer.to_vec());
    }

    fn asked(&self) -> Vec<i64> {
        self.0.lock().unwrap().keys().copied().collect()
    }
}

impl AsyncDoFn<i64> for Service {
    type Out = Vec<i64>;

    async fn process(&self, n: &i64) -> Result<Vec<i64>, BoxError> {
        let (call, answer) = oneshot::channel();
        self.0.lock().unwrap().insert(*n, call);
        Ok(answer.await?)
    }
}

/// A world in which no time passes.
struct Still;

impl Env for Still {
    fn now_ms(&self) -> i64 {
        0
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        pending().boxed()
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {
        unreachable!("the task under test is polled by hand")
    }
}

/// The task at work, between what it is sent and what it sends.
struct Bench {
    service: Service,
    to_it: Sender,
    from_it: Receiver,
    run: Fuse<LocalBoxFuture<'static, Result<(), Failure>>>,
}

fn task(service: Service, options: AsyncOptions, bound: usize) -> (Sender, CallTask, Receiver) {
    let pipeline = Pipeline::new();
    pipeline.create("numbers", [0_i64]).par_do_async("ask", service, options);
    let graph = pipeline.graph().unwrap();
    let Op::Async(kernel) = &graph.nodes[1].op else { panic!("the second node is asynchronous") };
    let coder = |node: usize| graph.collection(graph.nodes[node].outputs[0]).coder.clone();
    let ((to_it, from), (to, from_it)) = (channel::bounded(16), channel::bounded(bound));
    let coders = (coder(0), coder(1));
    (to_it, CallTask::new("ask".into(), StageId(0), kernel.clone(), coders, from, to, Arc::new(Still)), from_it)
}

impl Bench {
    fn new(options: AsyncOptions, bound: usize) -> Self {
        let service = Service::default();
        let (to_it, task, from_it) = task(service.clone(), options, bound);
        Bench { service, to_it, from_it, run: task.run().boxed_local().fuse() }
    }

    fn send(&self, message: Message) {
        self.to_it.send(message).now_or_never().expect("there is room");
    }

    fn elements(&self, numbers: &[i64]) {
        self.send(elements(numbers));
    }

    fn watermark(&self, ms: i64) {
        self.send(Message::Watermark(Timestamp::from_millis(ms)));
    }

    /// Lets the task work as far as it can; what it has sent, in words.
    fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        loop {
            let _ = self.run.poll_unpin(&mut Context::from_waker(noop_waker_ref()));
            let Some(message) = self.from_it.try_recv() else { return sent };
            sent.push(match message {
                Message::Data { mut bundle, .. } => {
                    let values: Vec<i64> = bundle.downcast::<i64>().drain().map(|(n, _)| n).collect();
                    format!("{values:?}")
                }
                Message::Watermark(to) => format!("watermark {}", to.millis()),
                Message::Idle => "idle".into(),
                Message::End => "end".into(),
                Message::Barrier(checkpoint) => format!("barrier {checkpoint}"),
                Message::View(_) => "view".into(),
            });
            // Whose sender is gone has ended again and again.
            if sent.last().is_some_and(|last| last == "end") {
                return sent;
            }
        }
    }
}

/// Each number at its own time.
fn elements(numbers: &[i64]) -> Message {
    let mut bundle = Bundle::new();
    numbers.iter().for_each(|n| bundle.push(*n, ElementSides::at(Timestamp::from_millis(*n))));
    Message::Data { bundle: Box::new(bundle), origin: None }
}

#[test]
fn the_watermark_goes_behind_the_results_that_it_waited_for() {
    let mut bench = Bench::new(AsyncOptions::new(), 16);
    bench.elements(&[10, 30, 20]);
    bench.watermark(50);
    assert_eq!(bench.sent(), ["watermark 10"]);
    bench.service.answer(30, &[31]);
    assert_eq!(bench.sent(), ["[31]"]);
    bench.service.answer(10, &[11]);
    assert_eq!(bench.sent(), ["[11]", "watermark 20"]);
    bench.elements(&[40, 60]);
    bench.service.answer(20, &[]);
    assert_eq!(bench.sent(), ["watermark 40"], "an answer that is none moves it, too");
    bench.send(Message::End);
    assert!(bench.sent().is_empty());
    bench.service.answer(60, &[61]);
    bench.service.answer(40, &[]);
    assert_eq!(bench.sent(), ["[61]", "watermark 50", "end"]);
}

#[test]
fn late_elements_stay_as_late_as_they_were() {
    let mut bench = Bench::new(AsyncOptions::new(), 16);
    bench.watermark(100);
    assert_eq!(bench.sent(), ["watermark 100"]);
    bench.elements(&[5]);
    bench.watermark(200);
    assert!(bench.sent().is_empty());
    bench.service.answer(5, &[6]);
    assert_eq!(bench.sent(), ["[6]", "watermark 200"]);
}

#[test]
fn it_is_idle_when_all_is_answered_and_counts_again_before_it_asks() {
    let mut bench = Bench::new(AsyncOptions::new(), 16);
    bench.watermark(7);
    bench.elements(&[10]);
    bench.send(Message::Idle);
    assert_eq!(bench.sent(), ["watermark 7"]);
    bench.service.answer(10, &[]);
    assert_eq!(bench.sent(), ["idle"]);
    bench.elements(&[20]);
    assert_eq!(bench.sent(), ["watermark 7"]);
    bench.service.answer(20, &[21]);
    assert_eq!(bench.sent(), ["[21]"]);
}

#[test]
fn no_more_is_taken_in_than_there_is_room_for() {
    let mut bench = Bench::new(AsyncOptions::new().capacity(2).ordered(), 16);
    bench.elements(&[1, 2, 3]);
    bench.elements(&[4]);
    assert!(bench.sent().is_empty());
    assert_eq!(bench.service.asked(), [1, 2]);
    bench.service.answer(2, &[2]);
    assert!(bench.sent().is_empty());
    assert_eq!(bench.service.asked(), [1]);
    bench.service.answer(1, &[1]);
    assert_eq!(bench.sent(), ["[1, 2]"]);
    assert_eq!(bench.service.asked(), [3, 4]);
}

#[test]
fn calls_go_on_while_there_is_no_room_behind() {
    let mut bench = Bench::new(AsyncOptions::new().capacity(10), 1);
    bench.elements(&[1, 2, 3]);
    let mut poll = || bench.run.poll_unpin(&mut Context::from_waker(noop_waker_ref()));
    assert!(poll().is_pending());
    for n in [1, 2] {
        bench.service.answer(n, &[n]);
        assert!(poll().is_pending());
    }
    // The first is in the channel, the second waits for room; the third is answered meanwhile.
    bench.service.answer(3, &[3]);
    assert!(poll().is_pending());
    assert_eq!(bench.sent(), ["[1]", "[2]", "[3]"]);
}

#[test]
fn what_has_no_answer_is_in_a_snapshot_and_asked_again() {
    let service = Service::default();
    let (to_it, mut task, _from_it) = task(service.clone(), AsyncOptions::new().capacity(2), 16);
    to_it.send(elements(&[10, 20, 30])).now_or_never().unwrap();
    {
        let mut settling = std::pin::pin!(task.settle());
        let mut poll = || settling.as_mut().poll(&mut Context::from_waker(noop_waker_ref()));
        assert!(poll().is_pending());
        service.answer(10, &[11]);
        assert!(poll().is_pending());
    }
    let snapshot = task.snapshot().unwrap();
    drop(task);

    let again = Service::default();
    let (to_it, mut restored, mut from_it) = self::task(again.clone(), AsyncOptions::new(), 16);
    restored.restore(&snapshot).now_or_never().unwrap().unwrap();
    to_it.send(Message::Watermark(Timestamp::from_millis(99))).now_or_never().unwrap();
    let mut settling = std::pin::pin!(restored.settle());
    let mut poll = || settling.as_mut().poll(&mut Context::from_waker(noop_waker_ref()));
    assert!(poll().is_pending());
    assert_eq!(again.asked(), [20, 30]);
    assert!(matches!(from_it.try_recv(), Some(Message::Watermark(to)) if to == Timestamp::from_millis(20)));
    again.answer(20, &[21]);
    again.answer(30, &[31]);
    assert!(matches!(poll(), Poll::Ready(Ok(()))));
    let Some(Message::Data { mut bundle, .. }) = from_it.try_recv() else { panic!("no results") };
    let at = |ms| ElementSides::at(Timestamp::from_millis(ms));
    assert_eq!(bundle.downcast::<i64>().drain().collect::<Vec<_>>(), [(21, at(20)), (31, at(30))]);
    assert!(matches!(from_it.try_recv(), Some(Message::Watermark(to)) if to == Timestamp::from_millis(99)));
}

/// A call that ends while the watermark waits for room moves it once more, and only then comes the end.
#[test]
fn the_end_comes_behind_the_last_watermark() {
    let mut bench = Bench::new(AsyncOptions::new(), 1);
    let poll = |bench: &mut Bench| bench.run.poll_unpin(&mut Context::from_waker(noop_waker_ref())).is_pending();
    bench.elements(&[20, 30]);
    bench.watermark(99);
    bench.send(Message::End);
    assert_eq!(bench.sent(), ["watermark 20"]);
    bench.service.answer(20, &[21]);
    assert!(poll(&mut bench));
    // 21 is in the channel, and watermark 30 waits for room.
    bench.service.answer(30, &[]);
    assert_eq!(bench.sent(), ["[21]", "watermark 30", "watermark 99", "end"]);
}

/// Calls that end while the task waits for room, before the barrier and with it: each element is on one side.
#[test]
fn each_element_is_on_one_side_of_a_barrier() {
    let service = Service::default();
    let (_to_it, mut task, mut from_it) = task(service.clone(), AsyncOptions::new(), 1);
    let cx = || Context::from_waker(noop_waker_ref());
    task.open().now_or_never().unwrap().unwrap();
    task.on(Next::Message(elements(&[1, 2, 3]))).now_or_never().unwrap().unwrap();
    assert!(task.poll_next(&mut cx()).is_pending());
    service.answer(1, &[1]);
    assert!(matches!(task.poll_next(&mut cx()), Poll::Ready(Ok(Next::Answers))));
    task.to.send(Message::Idle).now_or_never().expect("there is room for one message");

    let content = {
        let mut passing = std::pin::pin!(task.pass_barrier(7));
        let mut poll = || passing.as_mut().poll(&mut cx());
        assert!(poll().is_pending());
        service.answer(2, &[2]);
        assert!(poll().is_pending());
        assert!(matches!(from_it.try_recv(), Some(Message::Idle)));
        assert!(poll().is_pending());
        assert_eq!(values(from_it.try_recv()), [1]);
        assert!(poll().is_pending());
        // The barrier waits for room now.
        service.answer(3, &[3]);
        assert!(poll().is_pending());
        assert_eq!(values(from_it.try_recv()), [2]);
        let Poll::Ready(Ok(content)) = poll() else { panic!("there is room for the barrier") };
        content
    };
    assert!(matches!(from_it.try_recv(), Some(Message::Barrier(7))));
    task.hand_on().now_or_never().unwrap().unwrap();
    assert_eq!(values(from_it.try_recv()), [3]);

    let Content::Calls { unfinished, .. } = content else { panic!("these are calls") };
    let mut back = task.asked.new_bundle();
    decode_bundle(&*task.asked, &unfinished, &mut *back).unwrap();
    assert_eq!(back.downcast::<i64>().values(), [3]);
}

fn values(message: Option<Message>) -> Vec<i64> {
    let Some(Message::Data { mut bundle, .. }) = message else { panic!("no elements") };
    bundle.downcast::<i64>().drain().map(|(n, _)| n).collect()
}

#[test]
fn a_snapshot_that_is_damaged_is_an_error() {
    let (_to_it, mut task, _from_it) = task(Service::default(), AsyncOptions::new(), 16);
    let message = task.restore(&[1, 7]).now_or_never().unwrap().unwrap_err().to_string();
    assert!(message.contains("`ask`") && message.contains("i64"), "{message}");
}
