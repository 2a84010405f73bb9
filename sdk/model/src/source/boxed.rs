//! A source whose kind is chosen at launch.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::erased::erase;
use super::{AnyReader, AnySource, AnySplit, Boundedness, EventTime, Io, Progress, Reader, Source, SplitRequest};
use crate::bundle::Bundle;
use crate::transaction::LogPosition;
use crate::{BoxError, Element, Timestamp};

/// Any source of `T`: what a program's options return when they choose between files and topics.
///
/// Every [`Source`] becomes one by `BoxSource::from(source)` or `.into()`.
pub struct BoxSource<T> {
    pub(super) inner: Arc<dyn AnySource>,
    of: PhantomData<fn() -> T>,
}

impl<T: Element> BoxSource<T> {
    /// Boxes `source`.
    pub fn new(source: impl Source<Item = T>) -> Self {
        BoxSource { inner: erase(source), of: PhantomData }
    }

    /// With each element's timestamp taken from its value.
    pub fn event_time(self, of: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> EventTime<T> {
        EventTime::new(self, of)
    }
}

impl<T> Clone for BoxSource<T> {
    fn clone(&self) -> Self {
        BoxSource { inner: self.inner.clone(), of: PhantomData }
    }
}

#[async_trait]
impl<T: Element> Source for BoxSource<T> {
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
        let last = split.clone();
        Ok(Box::new(BoxReader { inner: self.inner.open(split).await?, last }))
    }

    async fn discover(&self, known: Vec<AnySplit>) -> Result<Vec<AnySplit>, BoxError> {
        self.inner.discover(&known).await
    }

    fn log_position(&self, split: &AnySplit) -> Option<LogPosition> {
        self.inner.log_position(split).ok().flatten()
    }
}

struct BoxReader {
    inner: Box<dyn AnyReader>,
    last: AnySplit,
}

#[async_trait]
impl<T: Element> Reader<BoxSource<T>> for BoxReader {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        self.inner.read(into).await
    }

    fn remaining(&self) -> AnySplit {
        self.inner.remaining().unwrap_or_else(|_| self.last.clone())
    }

    fn watermark(&self) -> Timestamp {
        self.inner.watermark()
    }

    fn lag(&self) -> Option<u64> {
        self.inner.lag()
    }

    fn is_caught_up(&self) -> bool {
        self.inner.is_caught_up()
    }
}
