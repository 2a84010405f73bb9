//! Small pipelines, run whole: what comes out, with timestamps, windows and panes; and how failures end.

mod scripts;
mod stateful;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::coder::Coder;
use purlin_model::combine::{Count, Sum};
use purlin_model::sink::{Io, Sink, Visibility, Writer};
use purlin_model::window::{ClosingBehavior, Fixed, Global, Sessions, Sliding, Window, WindowFn, WindowSpec};
use purlin_model::{
    BoxError, Context, DoFn, Element, Failure, Output, PCollection, Pane, Pipeline, Timestamp, Timing, Trigger,
    milliseconds,
};

use super::{Dropped, ReferenceRunner};

/// What a test's sink has been told, in order.
#[derive(Clone)]
struct Collected<T>(Arc<Mutex<Log<T>>>);

struct Log<T> {
    published: Option<Vec<T>>,
    aborted: bool,
}

impl<T> Collected<T> {
    fn new() -> Self {
        Collected(Arc::new(Mutex::new(Log { published: None, aborted: false })))
    }

    fn published(&self) -> Option<Vec<T>> {
        self.0.lock().expect("no test panics with the lock").published.take()
    }

    fn is_aborted(&self) -> bool {
        self.0.lock().expect("no test panics with the lock").aborted
    }
}

#[async_trait]
impl<T: Element> Sink for Collected<T> {
    type Item = T;
    type Staged = Vec<T>;

    fn describe(&self) -> String {
        "a test".into()
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(CollectedWriter(Vec::new())))
    }

    async fn publish(&self, staged: Vec<Vec<T>>) -> Result<(), BoxError> {
        self.0.lock().expect("no test panics with the lock").published = Some(staged.into_iter().flatten().collect());
        Ok(())
    }

    async fn discard(&self) -> Result<(), BoxError> {
        self.0.lock().expect("no test panics with the lock").aborted = true;
        Ok(())
    }
}

struct CollectedWriter<T>(Vec<T>);

#[async_trait]
impl<T: Element> Writer<Collected<T>> for CollectedWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.0.extend(bundle.drain().map(|(value, _)| value));
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<Vec<T>>, BoxError> {
        Ok(Some(std::mem::take(&mut self.0)))
    }
}

/// A value and where it stands.
type Placed<T> = (T, i64, Window, Pane);

/// Runs the pipeline and gives the elements of `collection`, sorted by their values.
fn results<T: Element + Ord>(collection: &PCollection<T>, pipeline: &Pipeline) -> Vec<Placed<T>> {
    let sink = Collected::new();
    collection
        .map_in("place", |value, at| (value, at.timestamp.millis(), at.window, at.pane))
        .write("collect", sink.clone());
    run(pipeline).expect("the pipeline succeeds");
    let mut results = sink.published().expect("a run that succeeds publishes");
    results.sort_by(|a, b| (&a.0, a.1, a.2, a.3.index).cmp(&(&b.0, b.1, b.2, b.3.index)));
    results
}

fn values<T: Element + Ord>(collection: &PCollection<T>, pipeline: &Pipeline) -> Vec<T> {
    results(collection, pipeline).into_iter().map(|(value, ..)| value).collect()
}

fn run(pipeline: &Pipeline) -> Result<super::Report, Failure> {
    ReferenceRunner::new().run_and_report(&pipeline.graph()?)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn window(start: i64, end: i64) -> Window {
    Window::new(at(start), at(end))
}

#[test]
fn fixed_windows_fire_once_at_their_ends() {
    let pipeline = Pipeline::new();
    let visits = [("a", 1), ("b", 2), ("a", 9), ("a", 10), ("a", -1)];
    let visits = pipeline.create_at("visits", visits.map(|(user, millis)| (user.to_string(), at(millis))));
    let counts = visits.window(Fixed::of(milliseconds(10))).key_by("user", Clone::clone);
    let counts = counts.combine_per_key("count", Count);
    let only = Pane::ON_TIME_AND_ONLY;
    let expected = [
        ("a", 1, -1, window(-10, 0)),
        ("a", 1, 19, window(10, 20)),
        ("a", 2, 9, window(0, 10)),
        ("b", 1, 9, window(0, 10)),
    ];
    let expected = expected.map(|(key, count, millis, window)| ((key.to_string(), count), millis, window, only));
    assert_eq!(results(&counts, &pipeline), expected);
}

#[test]
fn sliding_windows_take_an_element_several_times_and_sessions_merge() {
    let pipeline = Pipeline::new();
    let numbers = pipeline.create_at("numbers", [3, 7, 12, 30].map(|n: i64| (n, at(n))));
    let sliding = numbers.window(Sliding::of(milliseconds(10)).every(milliseconds(5)));
    let sums = sliding.key_by("same", |_| ()).combine_per_key("sum", Sum);
    let sums: Vec<_> = results(&sums, &pipeline).into_iter().map(|(((), sum), _, window, _)| (sum, window)).collect();
    let expected = [
        (3, window(-5, 5)),
        (10, window(0, 10)),
        (12, window(10, 20)),
        (19, window(5, 15)),
        (30, window(25, 35)),
        (30, window(30, 40)),
    ];
    assert_eq!(sums, expected);

    let pipeline = Pipeline::new();
    let numbers = pipeline.create_at("numbers", [3, 30, 12, 7, 17].map(|n: i64| (n, at(n))));
    let sessions = numbers.window(Sessions::of(milliseconds(5))).key_by("same", |_| ());
    let sums = sessions.combine_per_key("sum", Sum);
    let sums: Vec<_> = results(&sums, &pipeline).into_iter().map(|(((), sum), _, window, _)| (sum, window)).collect();
    assert_eq!(sums, [(10, window(3, 12)), (12, window(12, 17)), (17, window(17, 22)), (30, window(30, 35))]);
}

#[test]
fn panes_of_an_early_trigger_accumulate_and_the_closing_one_may_be_empty() {
    let pipeline = Pipeline::new();
    let spec = Global.with().trigger(Trigger::after_count(2).repeatedly()).discarding();
    let spec = spec.allowed_lateness(milliseconds(0)).closing(ClosingBehavior::Always);
    let numbers = pipeline.create("numbers", [1_i64, 2, 3, 4]).window(spec).key_by("same", |_| ());
    let sums = numbers.combine_per_key("sum", Sum);
    let panes: Vec<_> =
        results(&sums, &pipeline).into_iter().map(|(((), sum), _, _, pane)| (sum, pane.index, pane.timing)).collect();
    assert_eq!(panes, [(0, 2, Timing::OnTime), (3, 0, Timing::Early), (7, 1, Timing::Early)]);
}

#[test]
fn what_a_finished_trigger_drops_is_counted() {
    let pipeline = Pipeline::new();
    let spec = WindowSpec::unchanged().trigger(Trigger::after_count(1)).allow_data_loss();
    let numbers = pipeline.create("numbers", [1, 2, 3]).window(spec).key_by("same", |_| ());
    numbers.group_by_key("group");
    let report = run(&pipeline).expect("the pipeline succeeds");
    assert_eq!(report.dropped["group"], Dropped { late: 0, closed: 2 });
}

#[test]
fn a_global_combine_of_nothing_gives_the_result_of_none() {
    let pipeline = Pipeline::new();
    let sum = pipeline.create("nothing", Vec::<i64>::new()).combine_globally("sum", Sum);
    let expected = (0, Timestamp::GLOBAL_MAX.millis(), Window::GLOBAL, Pane::ON_TIME_AND_ONLY);
    assert_eq!(results(&sum, &pipeline), [expected]);
}

#[test]
fn side_inputs_are_looked_up_by_window() {
    let pipeline = Pipeline::new();
    let fixed = || Fixed::of(milliseconds(10));
    let rates = pipeline.create_at("rates", [(2, at(0)), (3, at(10))]).window(fixed()).as_singleton();
    let amounts = pipeline.create_at("amounts", [(5, at(1)), (5, at(11)), (7, at(12))]).window(fixed());
    let converted = amounts.map_with("convert", &rates, |amount, rate| amount * rate);
    assert_eq!(values(&converted, &pipeline), [10, 15, 21]);

    let pipeline = Pipeline::new();
    let names = pipeline.create("names", [(1, "one".to_string()), (2, "two".to_string())]).as_map();
    let named = pipeline.create("numbers", [2, 1]).map_with("name", &names, |number, names| names[&number].clone());
    assert_eq!(values(&named, &pipeline), ["one", "two"]);
}

#[test]
fn flattened_collections_may_have_different_coders() {
    let pipeline = Pipeline::new();
    let json = pipeline.create("json", [1, 2]).with_coder(purlin_model::coder::Json);
    let both = pipeline.flatten("both", [json, pipeline.create("postcard", [3])]).reshuffle();
    assert_eq!(values(&both, &pipeline), [1, 2, 3]);
}

#[test]
fn a_failing_transform_publishes_nothing() {
    let pipeline = Pipeline::new();
    let sink = Collected::new();
    let numbers = pipeline.create("numbers", [1, 2]);
    numbers.write("collect", sink.clone());
    numbers.map("halve", |n| if n == 2 { panic!("two is too much") } else { n });
    let failure = run(&pipeline).expect_err("the map panics");
    assert!(matches!(&failure, Failure::Panic { transform, message, .. }
        if transform == "halve" && message == "two is too much"));
    assert!(sink.published().is_none() && sink.is_aborted());
}

#[test]
fn a_coder_that_loses_something_is_named() {
    let check = |coder: Stub, words: &str| {
        let pipeline = Pipeline::new();
        pipeline.create("numbers", [1_i64, 2]).map("double", |n| 2 * n).with_coder(coder);
        let failure = run(&pipeline).expect_err("the coder does not take back what it wrote");
        assert!(matches!(&failure, Failure::Coder { transform, element_type: "i64", .. } if transform == "double"));
        assert!(failure.to_string().contains(words), "{failure}");
    };
    check(Stub::Refusing, "not today");
    check(Stub::Halving, "came back changed");
    check(Stub::LeavingOneByte, "left unread");
}

#[test]
fn a_timestamp_that_no_element_may_have_is_an_error() {
    let pipeline = Pipeline::new();
    pipeline.create("numbers", [1_i64]).par_do("move", ToTheEndOfTime);
    let failure = run(&pipeline).expect_err("no element lies at MAX");
    assert!(matches!(&failure, Failure::Transform { transform, .. } if transform == "move"), "{failure}");
}

#[derive(Clone)]
struct ToTheEndOfTime;

impl DoFn<i64> for ToTheEndOfTime {
    type Out = Output<i64>;

    fn process(&mut self, element: i64, _: &Context<'_>, out: &mut Output<i64>) -> Result<(), BoxError> {
        out.emit_at(element, Timestamp::MAX);
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Stub {
    Refusing,
    Halving,
    LeavingOneByte,
}

impl Coder<i64> for Stub {
    fn encode(&self, value: &i64, into: &mut Vec<u8>) -> Result<(), BoxError> {
        into.extend(value.to_le_bytes());
        Ok(())
    }

    fn decode(&self, from: &mut &[u8]) -> Result<i64, BoxError> {
        let (bytes, rest) = from.split_first_chunk::<8>().ok_or("too short")?;
        let value = i64::from_le_bytes(*bytes);
        match self {
            Stub::Refusing => Err("not today".into()),
            Stub::Halving => {
                *from = rest;
                Ok(value / 2)
            }
            Stub::LeavingOneByte => {
                *from = &bytes[7..];
                Ok(value)
            }
        }
    }
}
