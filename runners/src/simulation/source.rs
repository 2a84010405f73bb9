//! A source that takes its time, and sometimes fails.

use std::time::Duration;

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::source::{AnySplit, Boundedness, BoxSource, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::transaction::LogPosition;
use purlin_model::{BoxError, Element, Timestamp};

use super::faults::{Fate, Network};

/// Another source, read over a simulated network, if there is one.
pub(super) struct RemoteSource<T> {
    pub(super) inner: BoxSource<T>,
    pub(super) network: Option<Network>,
    pub(super) boundedness: Boundedness,
}

/// What passes before a source has something more, at most, when it is not silent.
const LONGEST_PAUSE_MS: u64 = 60;
/// A source is silent at one read in so many.
const SILENT_ONCE_IN: u8 = 50;

#[async_trait]
impl<T: Element> Source for RemoteSource<T> {
    type Item = T;
    type Split = AnySplit;

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn boundedness(&self) -> Boundedness {
        self.boundedness
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.inner.idle_timeout()
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<AnySplit>, BoxError> {
        self.inner.splits(request).await
    }

    async fn open(&self, split: AnySplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(RemoteReader { inner: self.inner.open(split).await?, network: self.network.clone() }))
    }

    async fn discover(&self, known: Vec<AnySplit>) -> Result<Vec<AnySplit>, BoxError> {
        self.inner.discover(known).await
    }

    fn log_position(&self, split: &AnySplit) -> Option<LogPosition> {
        self.inner.log_position(split)
    }
}

struct RemoteReader<T: Element> {
    inner: Box<dyn Reader<BoxSource<T>>>,
    network: Option<Network>,
}

#[async_trait]
impl<T: Element> Reader<RemoteSource<T>> for RemoteReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        if let Some(network) = &self.network {
            let longest = u64::try_from(network.silence().as_millis()).unwrap_or(u64::MAX);
            let pause = network.world().random(|random| match random.u8(0..SILENT_ONCE_IN) {
                0 => random.u64(0..=longest),
                _ => random.u64(0..=LONGEST_PAUSE_MS),
            });
            network.world().sleep(Duration::from_millis(pause)).await;
            if network.fate() == Fate::Lost {
                return Err("the simulated source cannot be reached".into());
            }
        }
        self.inner.read(into).await
    }

    fn remaining(&self) -> AnySplit {
        self.inner.remaining()
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
