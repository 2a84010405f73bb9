//! Event time from the elements themselves, with a watermark for elements that come out of order.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{AnySplit, Boundedness, BoxSource, Io, Progress, Reader, Source, SplitRequest};
use crate::bundle::Bundle;
use crate::time::millis;
use crate::transaction::LogPosition;
use crate::{BoxError, Element, Timestamp};

/// Sets the timestamps of a bundle; gives the first that no element may have. One call per bundle, so that the user's function is inlined.
type Stamp<T> = Arc<dyn Fn(&mut Bundle<T>) -> Result<(), Timestamp> + Send + Sync>;

/// A source whose elements' timestamps come from their values.
///
/// On an unbounded source the watermark of each split follows the greatest timestamp seen, less the
/// [out-of-orderness bound](Self::out_of_orderness). A bounded split's watermark stays at MIN until the
/// split has ended, so that nothing in it is late.
pub struct EventTime<T> {
    inner: BoxSource<T>,
    stamp: Stamp<T>,
    bound_ms: i64,
}

impl<T: Element> EventTime<T> {
    pub(super) fn new(inner: BoxSource<T>, of: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> Self {
        let stamp = Arc::new(move |bundle: &mut Bundle<T>| bundle.set_timestamps(&of));
        EventTime { inner, stamp, bound_ms: 0 }
    }

    /// How far behind the greatest timestamp seen an element of the same split may come without being late. Zero unless said.
    pub fn out_of_orderness(mut self, bound: Duration) -> Self {
        self.bound_ms = millis(bound);
        self
    }
}

#[async_trait]
impl<T: Element> Source for EventTime<T> {
    type Item = T;
    type Split = AnySplit;

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn boundedness(&self) -> Boundedness {
        self.inner.boundedness()
    }

    fn io(&self) -> Io {
        self.inner.io()
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.inner.idle_timeout()
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<AnySplit>, BoxError> {
        self.inner.splits(request).await
    }

    async fn open(&self, split: AnySplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(EventTimeReader {
            inner: self.inner.open(split).await?,
            stamp: self.stamp.clone(),
            bound_ms: self.bound_ms,
            bounded: self.boundedness() == Boundedness::Bounded,
            greatest: None,
        }))
    }

    async fn discover(&self, known: Vec<AnySplit>) -> Result<Vec<AnySplit>, BoxError> {
        self.inner.discover(known).await
    }

    fn log_position(&self, split: &AnySplit) -> Option<LogPosition> {
        self.inner.log_position(split)
    }
}

struct EventTimeReader<T: Element> {
    inner: Box<dyn Reader<BoxSource<T>>>,
    stamp: Stamp<T>,
    bound_ms: i64,
    bounded: bool,
    greatest: Option<Timestamp>,
}

#[async_trait]
impl<T: Element> Reader<EventTime<T>> for EventTimeReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let progress = self.inner.read(into).await?;
        (self.stamp)(into).map_err(|at| {
            format!(
                "an element's event time is {} ms since 1970, outside [{}, {}]: is it in milliseconds?",
                at.millis(),
                Timestamp::MIN.millis(),
                Timestamp::GLOBAL_MAX.millis()
            )
        })?;
        if !self.bounded && !into.is_empty() {
            let greatest = into.sides().timestamps().as_slice().iter().max().copied();
            self.greatest = self.greatest.max(greatest);
        }
        Ok(progress)
    }

    fn remaining(&self) -> AnySplit {
        self.inner.remaining()
    }

    fn watermark(&self) -> Timestamp {
        match self.greatest {
            Some(greatest) if !self.bounded => greatest.saturating_add_millis(-self.bound_ms).max(Timestamp::MIN),
            _ => Timestamp::MIN,
        }
    }

    fn lag(&self) -> Option<u64> {
        self.inner.lag()
    }

    fn is_caught_up(&self) -> bool {
        self.inner.is_caught_up()
    }
}
