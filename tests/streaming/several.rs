//! Several sources as the splits of one, with an idle timeout.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use purlin::bundle::Bundle;
use purlin::prelude::*;
use purlin::source::{AnySplit, Boundedness, Io, Progress, Reader, SplitRequest};
use serde::{Deserialize, Serialize};

pub(crate) struct Several<T> {
    pub(crate) sources: Vec<BoxSource<T>>,
    pub(crate) idle_timeout: Option<Duration>,
}

/// A split of the n-th source.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Nth(usize, AnySplit);

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {}", self.0)
    }
}

#[async_trait]
impl<T: Element> Source for Several<T> {
    type Item = T;
    type Split = Nth;

    fn describe(&self) -> String {
        format!("{} sources", self.sources.len())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<Nth>, BoxError> {
        let mut splits = Vec::new();
        for (n, source) in self.sources.iter().enumerate() {
            splits.extend(source.splits(request).await?.into_iter().map(|split| Nth(n, split)));
        }
        Ok(splits)
    }

    async fn open(&self, split: Nth) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(NthReader(split.0, self.sources[split.0].open(split.1).await?)))
    }
}

struct NthReader<T: Element>(usize, Box<dyn Reader<BoxSource<T>>>);

#[async_trait]
impl<T: Element> Reader<Several<T>> for NthReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        self.1.read(into).await
    }

    fn remaining(&self) -> Nth {
        Nth(self.0, self.1.remaining())
    }

    fn watermark(&self) -> Timestamp {
        self.1.watermark()
    }
}
