//! An unbounded source that is fed by hand.
//!
//! What was sent stays in a log, so that a split is a position in it: a reader that is opened again goes on (or begins again) wherever
//! its split says, as with Kafka. The log is never cut, so this is for tests and demos, not for streams without end.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use purlin_model::bundle::{BUNDLE_TARGET, Bundle, ElementSides};
use purlin_model::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

/// A sender and the source that reads what it sends. The source ends when the sender is dropped.
///
/// ```
/// use purlin_io::memory::channel;
/// use purlin_model::{Pipeline, Timestamp};
/// let at = Timestamp::from_millis;
/// let (sender, stream) = channel();
/// let numbers = Pipeline::new().read("numbers", stream);
/// sender.send(1, at(500));
/// sender.advance_watermark(at(1_000));
/// sender.send(2, at(700)); // behind the watermark: late
/// # let _ = numbers;
/// ```
pub fn channel<T: Element>() -> (Sender<T>, MemoryStream<T>) {
    let log = Arc::new(Shared(Mutex::new(Log { events: Vec::new(), closed: false, wakers: Vec::new() })));
    (Sender { log: log.clone() }, MemoryStream { log })
}

/// Feeds a [`MemoryStream`].
pub struct Sender<T> {
    log: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends an element. Never waits.
    pub fn send(&self, value: T, timestamp: Timestamp) {
        self.log.change(|log| log.events.push(Event::Element(value, timestamp)));
    }

    /// Sends elements that a reader may get in one bundle.
    pub fn send_all(&self, elements: impl IntoIterator<Item = (T, Timestamp)>) {
        let events = elements.into_iter().map(|(value, timestamp)| Event::Element(value, timestamp));
        self.log.change(|log| log.events.extend(events));
    }

    /// Says that no later element is expected to have an earlier timestamp; those that do are late. A reader sees it between the elements
    /// sent before and after, never in the middle of a bundle. A watermark below an earlier one changes nothing.
    pub fn advance_watermark(&self, to: Timestamp) {
        self.log.change(|log| log.events.push(Event::Watermark(to)));
    }

    /// Ends the source, as dropping does.
    pub fn close(self) {}
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.log.change(|log| log.closed = true);
    }
}

/// The unbounded source of a [`channel`]. It has one split.
pub struct MemoryStream<T> {
    log: Arc<Shared<T>>,
}

/// A position in what was sent, and an end for runners that need one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSplit {
    next: usize,
    end: Option<usize>,
}

impl fmt::Display for StreamSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel from {}", self.next)
    }
}

/// The same input again: for a pipeline that is built anew to go on where it was.
impl<T> Clone for MemoryStream<T> {
    fn clone(&self) -> Self {
        MemoryStream { log: self.log.clone() }
    }
}

#[async_trait]
impl<T: Element> Source for MemoryStream<T> {
    type Item = T;
    type Split = StreamSplit;

    fn describe(&self) -> String {
        "channel in memory".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn io(&self) -> Io {
        // It waits, though not for a network.
        Io::Remote
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<StreamSplit>, BoxError> {
        Ok(vec![StreamSplit { next: 0, end: request.bounded.then(|| self.log.lock().events.len()) }])
    }

    async fn open(&self, split: StreamSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        let watermark = self.log.lock().watermark_before(split.next);
        Ok(Box::new(StreamReader { log: self.log.clone(), left: split, watermark }))
    }
}

struct StreamReader<T> {
    log: Arc<Shared<T>>,
    left: StreamSplit,
    watermark: Timestamp,
}

#[async_trait]
impl<T: Element> Reader<MemoryStream<T>> for StreamReader<T> {
    /// Nothing has been taken while it waits, so dropping the future loses nothing.
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        poll_fn(|context| {
            let mut log = self.log.lock();
            let end = self.left.end.unwrap_or(usize::MAX).min(log.events.len());
            if self.left.next < end {
                let (taken, watermark) = take(&log.events[self.left.next..end], into)?;
                self.left.next += taken;
                self.watermark = self.watermark.max(watermark);
                return Poll::Ready(Ok(Progress::More));
            }
            if log.closed || self.left.end.is_some() {
                return Poll::Ready(Ok(Progress::End));
            }
            log.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn remaining(&self) -> StreamSplit {
        self.left.clone()
    }

    fn watermark(&self) -> Timestamp {
        self.watermark
    }

    fn lag(&self) -> Option<u64> {
        Some((self.log.lock().events.len() - self.left.next) as u64)
    }
}

/// Appends the elements up to the next watermark; says how many events that were, and the watermark behind them.
fn take<T: Element>(events: &[Event<T>], into: &mut Bundle<T>) -> Result<(usize, Timestamp), BoxError> {
    for (i, event) in events.iter().enumerate() {
        match event {
            Event::Element(..) if i == BUNDLE_TARGET => return Ok((i, Timestamp::MIN)),
            Event::Element(_, at) if !at.is_valid_for_element() => {
                return Err(format!("{} ms is no timestamp that an element may have", at.millis()).into());
            }
            Event::Element(value, at) => into.push(value.clone(), ElementSides::at(*at)),
            Event::Watermark(watermark) => return Ok((i + 1, *watermark)),
        }
    }
    Ok((events.len(), Timestamp::MIN))
}

/// What was sent, and who waits for more.
struct Log<T> {
    events: Vec<Event<T>>,
    closed: bool,
    wakers: Vec<Waker>,
}

enum Event<T> {
    Element(T, Timestamp),
    Watermark(Timestamp),
}

impl<T> Log<T> {
    fn watermark_before(&self, position: usize) -> Timestamp {
        let watermarks = self.events[..position].iter().filter_map(|event| match event {
            Event::Watermark(watermark) => Some(*watermark),
            Event::Element(..) => None,
        });
        watermarks.max().unwrap_or(Timestamp::MIN)
    }
}

struct Shared<T>(Mutex<Log<T>>);

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Log<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Log<T>)) {
        let mut log = self.lock();
        change(&mut log);
        let wakers = std::mem::take(&mut log.wakers);
        drop(log);
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use futures::executor::block_on;

    use super::*;

    const STREAM: SplitRequest = SplitRequest { desired: 4, bounded: false };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn open<T: Element>(stream: &MemoryStream<T>, request: SplitRequest) -> Box<dyn Reader<MemoryStream<T>>> {
        let splits = block_on(stream.splits(request)).unwrap();
        assert_eq!(splits.len(), 1);
        block_on(stream.open(splits[0].clone())).unwrap()
    }

    fn read<T: Element>(reader: &mut Box<dyn Reader<MemoryStream<T>>>) -> (Vec<T>, Timestamp, Progress) {
        let mut bundle = Bundle::new();
        let progress = block_on(reader.read(&mut bundle)).unwrap();
        (bundle.values().to_vec(), reader.watermark(), progress)
    }

    #[test]
    fn watermarks_stay_between_the_elements_they_were_sent_between() {
        let (sender, stream) = channel();
        let mut reader = open(&stream, STREAM);
        sender.send_all([(1, at(1)), (2, at(2))]);
        sender.advance_watermark(at(10));
        sender.send(3, at(5));
        sender.advance_watermark(at(7));
        assert_eq!(read(&mut reader), (vec![1, 2], at(10), Progress::More));
        let resumed = reader.remaining();
        assert_eq!(reader.lag(), Some(2));
        assert_eq!(read(&mut reader), (vec![3], at(10), Progress::More));
        sender.close();
        assert_eq!(read(&mut reader), (vec![], at(10), Progress::End));

        let mut reader = block_on(stream.open(resumed)).unwrap();
        assert_eq!(reader.watermark(), at(10));
        assert_eq!(read(&mut reader), (vec![3], at(10), Progress::More));
    }

    #[test]
    fn a_read_waits_and_may_be_dropped() {
        let (sender, stream) = channel();
        let mut reader = open(&stream, STREAM);
        let mut bundle = Bundle::new();
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(reader.read(&mut bundle)).poll(&mut context).is_pending());
        assert!(bundle.is_empty());
        sender.send(1, at(1));
        assert_eq!(read(&mut reader).0, [1]);

        let thread = std::thread::spawn(move || read(&mut reader).0);
        sender.send(2, at(2));
        assert_eq!(thread.join().unwrap(), [2]);
    }

    #[test]
    fn a_bounded_runner_gets_what_was_sent_before() {
        let (sender, stream) = channel();
        sender.send(1, at(1));
        let mut reader = open(&stream, SplitRequest { desired: 1, bounded: true });
        sender.send(2, at(2));
        assert_eq!(read(&mut reader), (vec![1], Timestamp::MIN, Progress::More));
        assert_eq!(read(&mut reader).2, Progress::End);
    }

    #[test]
    fn bundles_are_bounded() {
        let (sender, stream) = channel();
        sender.send_all((0..3_000).map(|i| (i, at(i))));
        let mut reader = open(&stream, STREAM);
        assert_eq!(read(&mut reader).0.len(), BUNDLE_TARGET);
        assert_eq!(read(&mut reader).0[0], BUNDLE_TARGET as i64);
    }
}
