//! `TestStream`: a source that is a script of elements, watermarks and processing times (SEMANTICS §11).
//!
//! A pipeline that reads one is run event by event: each runs to quiescence through the runner's real engine before the next begins, so
//! what comes out, pane by pane, is the same on every runner and at any parallelism.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{AnyReader, AnySource, AnySplit, Boundedness, Io, SplitRequest};
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::coder::TypedCoder;
use crate::graph::Op;
use crate::pipeline::{Name, NewCollection};
use crate::time::millis;
use crate::transaction::LogPosition;
use crate::window::Windowing;
use crate::{BoxError, Element, PCollection, Pipeline, Timestamp};

/// A script of events: elements that come together as one bundle, advances of the watermark, advances of processing time.
///
/// Processing time begins at 0. After the last event the watermark goes to the end of time.
///
/// ```
/// use purlin_model::source::TestStream;
/// use purlin_model::{Pipeline, Timestamp, combine::Sum, milliseconds, window::Fixed};
///
/// let at = Timestamp::from_millis;
/// let events = TestStream::new()
///     .elements([(1_i64, at(3)), (2, at(7))])
///     .advance_watermark(at(10))
///     .elements([(4, at(12))])
///     .advance_processing_time(milliseconds(500))
///     .advance_watermark_to_infinity();
/// let pipeline = Pipeline::new();
/// let sums = pipeline.test_stream("numbers", events).window(Fixed::of(milliseconds(10))).combine_globally("sum", Sum);
/// # let _ = sums;
/// ```
#[derive(Clone, Debug)]
pub struct TestStream<T> {
    events: Vec<TestEvent<T>>,
    under_way: EventUnderWay,
}

#[derive(Clone, Debug)]
enum TestEvent<T> {
    Elements(Vec<(T, Timestamp)>),
    Watermark(Timestamp),
    ProcessingTime(i64),
}

/// Tells, while a script runs, which of its events is under way: the number of the event, from 0.
#[derive(Clone, Debug, Default)]
pub struct EventUnderWay(Arc<AtomicUsize>);

impl EventUnderWay {
    /// The event's number; that of the last event plus one while the watermark goes to the end of time after it.
    pub fn number(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl<T: Element> TestStream<T> {
    /// No events yet.
    pub fn new() -> Self {
        TestStream { events: Vec::new(), under_way: EventUnderWay::default() }
    }

    /// These elements come, together, as one bundle.
    pub fn elements(mut self, elements: impl IntoIterator<Item = (T, Timestamp)>) -> Self {
        self.events.push(TestEvent::Elements(elements.into_iter().collect()));
        self
    }

    /// The watermark moves to `to`; never back.
    pub fn advance_watermark(mut self, to: Timestamp) -> Self {
        self.events.push(TestEvent::Watermark(to));
        self
    }

    /// The watermark moves to the end of time: nothing more comes.
    pub fn advance_watermark_to_infinity(self) -> Self {
        self.advance_watermark(Timestamp::MAX)
    }

    /// Processing time goes on by `span`.
    pub fn advance_processing_time(mut self, span: Duration) -> Self {
        self.events.push(TestEvent::ProcessingTime(millis(span)));
        self
    }

    /// Tells which event is under way: for transforms and sinks that note when something came.
    pub fn under_way(&self) -> EventUnderWay {
        self.under_way.clone()
    }
}

impl<T: Element> Default for TestStream<T> {
    fn default() -> Self {
        TestStream::new()
    }
}

impl Pipeline {
    /// The elements of a script; a pipeline can read one. Other sources beside it must be bounded, and are read to their end before its first event.
    pub fn test_stream<T: Element>(&self, name: &str, events: TestStream<T>) -> PCollection<T> {
        if self.has_script() {
            self.problem(name, "the pipeline reads a test stream already, and two scripts have no common clock: put all events into one");
        }
        let coder = TypedCoder::<T>::standard();
        let made = NewCollection { coder, windowing: Windowing::default(), bounded: false };
        let (_, outputs) = self.add(Name::Given(name), Op::Read(Arc::new(Scripted(events))), &[], &[], vec![made]);
        PCollection::new(self, outputs[0])
    }
}

/// What a runner that drives a script sees of it.
pub trait Script: Send + Sync {
    /// How many events there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Notes that event `number` begins, and gives it. Behind the last event: the watermark's move to the end of time.
    fn begin(&self, number: usize) -> ScriptEvent;
}

/// One event of a script.
pub enum ScriptEvent {
    /// Elements come together.
    Elements(Box<dyn AnyBundle>),
    /// The watermark moves.
    Watermark(Timestamp),
    /// Processing time goes on by so many milliseconds.
    ProcessingTime(i64),
}

struct Scripted<T>(TestStream<T>);

impl<T: Element> Script for Scripted<T> {
    fn len(&self) -> usize {
        self.0.events.len()
    }

    fn begin(&self, number: usize) -> ScriptEvent {
        self.0.under_way.0.store(number, Ordering::Release);
        match self.0.events.get(number) {
            None => ScriptEvent::Watermark(Timestamp::MAX),
            Some(TestEvent::Watermark(to)) => ScriptEvent::Watermark(*to),
            Some(TestEvent::ProcessingTime(span_ms)) => ScriptEvent::ProcessingTime(*span_ms),
            Some(TestEvent::Elements(elements)) => {
                let mut bundle = Bundle::<T>::new();
                for (value, at) in elements {
                    bundle.push(value.clone(), ElementSides::at(*at));
                }
                ScriptEvent::Elements(Box::new(bundle))
            }
        }
    }
}

#[async_trait]
impl<T: Element> AnySource for Scripted<T> {
    fn describe(&self) -> String {
        format!("a script of {} events", self.0.events.len())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn idle_timeout(&self) -> Option<Duration> {
        None
    }

    fn script(&self) -> Option<&dyn Script> {
        Some(self)
    }

    async fn splits(&self, _: SplitRequest) -> Result<Vec<AnySplit>, BoxError> {
        Err("a test stream is driven event by event and has no splits".into())
    }

    async fn open(&self, _: AnySplit) -> Result<Box<dyn AnyReader>, BoxError> {
        Err("a test stream is driven event by event and is not opened".into())
    }

    async fn discover(&self, _: &[AnySplit]) -> Result<Vec<AnySplit>, BoxError> {
        Ok(Vec::new())
    }

    fn log_position(&self, _: &AnySplit) -> Result<Option<LogPosition>, BoxError> {
        Ok(None)
    }
}
