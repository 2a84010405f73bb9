//! A source with its types erased: what runners read.

use std::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Boundedness, Io, Progress, Reader, Script, Source, SplitRequest};
use crate::bundle::AnyBundle;
use crate::transaction::LogPosition;
use crate::{BoxError, Timestamp};

/// A split as bytes, with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnySplit {
    /// Names it in messages and metrics.
    pub name: String,
    /// The encoded split.
    pub position: Vec<u8>,
}

impl std::fmt::Display for AnySplit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// [`Source`], erased.
#[async_trait]
pub trait AnySource: Send + Sync {
    /// See [`Source::describe`].
    fn describe(&self) -> String;
    /// See [`Source::boundedness`].
    fn boundedness(&self) -> Boundedness;
    /// See [`Source::io`].
    fn io(&self) -> Io;
    /// See [`Source::idle_timeout`].
    fn idle_timeout(&self) -> Option<Duration>;
    /// The script of a [`TestStream`](super::TestStream), which a runner drives event by event.
    fn script(&self) -> Option<&dyn Script> {
        None
    }
    /// See [`Source::splits`].
    async fn splits(&self, request: SplitRequest) -> Result<Vec<AnySplit>, BoxError>;
    /// See [`Source::open`].
    async fn open(&self, split: AnySplit) -> Result<Box<dyn AnyReader>, BoxError>;
    /// See [`Source::discover`].
    async fn discover(&self, known: &[AnySplit]) -> Result<Vec<AnySplit>, BoxError>;
    /// See [`Source::log_position`].
    fn log_position(&self, split: &AnySplit) -> Result<Option<LogPosition>, BoxError>;
}

/// [`Reader`], erased.
#[async_trait]
pub trait AnyReader: Send {
    /// See [`Reader::read`].
    async fn read(&mut self, into: &mut dyn AnyBundle) -> Result<Progress, BoxError>;
    /// See [`Reader::remaining`].
    fn remaining(&self) -> Result<AnySplit, BoxError>;
    /// See [`Reader::watermark`].
    fn watermark(&self) -> Timestamp;
    /// See [`Reader::lag`].
    fn lag(&self) -> Option<u64>;
    /// See [`Reader::is_caught_up`].
    fn is_caught_up(&self) -> bool;
}

/// Erases a source.
pub(crate) struct Erased<S>(pub(crate) S);

#[async_trait]
impl<S: Source> AnySource for Erased<S> {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn boundedness(&self) -> Boundedness {
        self.0.boundedness()
    }

    fn io(&self) -> Io {
        self.0.io()
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.0.idle_timeout()
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<AnySplit>, BoxError> {
        self.0.splits(request).await?.iter().map(encode_split).collect()
    }

    async fn open(&self, split: AnySplit) -> Result<Box<dyn AnyReader>, BoxError> {
        Ok(Box::new(ErasedReader::<S>(self.0.open(decode_split::<S>(&split)?).await?)))
    }

    async fn discover(&self, known: &[AnySplit]) -> Result<Vec<AnySplit>, BoxError> {
        let known = known.iter().map(decode_split::<S>).collect::<Result<_, _>>()?;
        self.0.discover(known).await?.iter().map(encode_split).collect()
    }

    fn log_position(&self, split: &AnySplit) -> Result<Option<LogPosition>, BoxError> {
        Ok(self.0.log_position(&decode_split::<S>(split)?))
    }
}

pub(crate) fn erase<S: Source>(source: S) -> Arc<dyn AnySource> {
    Arc::new(Erased(source))
}

struct ErasedReader<S: Source>(Box<dyn Reader<S>>);

#[async_trait]
impl<S: Source> AnyReader for ErasedReader<S> {
    async fn read(&mut self, into: &mut dyn AnyBundle) -> Result<Progress, BoxError> {
        self.0.read(into.downcast()).await
    }

    fn remaining(&self) -> Result<AnySplit, BoxError> {
        encode_split(&self.0.remaining())
    }

    fn watermark(&self) -> Timestamp {
        self.0.watermark()
    }

    fn lag(&self) -> Option<u64> {
        self.0.lag()
    }

    fn is_caught_up(&self) -> bool {
        self.0.is_caught_up()
    }
}

fn encode_split<P: Serialize + std::fmt::Display>(split: &P) -> Result<AnySplit, BoxError> {
    Ok(AnySplit { name: split.to_string(), position: postcard::to_stdvec(split)? })
}

fn decode_split<S: Source>(split: &AnySplit) -> Result<S::Split, BoxError> {
    postcard::from_bytes(&split.position)
        .map_err(|error| format!("split `{}` is not one of {}: {error}", split.name, type_name::<S>()).into())
}
