//! Sources: where collections come from, bounded and unbounded alike.
//!
//! A [`Source`] is a description: building a pipeline with one does no I/O. At launch it is asked for its
//! *splits*, independent pieces of work (a row group, a partition). A split is also a position: what a reader has left
//! ([`Reader::remaining`]) is again a split, can be stored, and is resumed by opening it.

mod boxed;
mod erased;
mod event_time;
mod test_stream;

pub use boxed::BoxSource;
pub(crate) use erased::erase;
pub use erased::{AnyReader, AnySource, AnySplit};
pub use event_time::EventTime;
pub use test_stream::{EventUnderWay, Script, ScriptEvent, TestStream};

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bundle::Bundle;
use crate::transaction::LogPosition;
use crate::{BoxError, Element, Timestamp};

/// Whether a source ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundedness {
    /// It ends by itself.
    Bounded,
    /// It goes on until the pipeline is stopped.
    Unbounded,
}

/// What a source waits for: says who polls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Memory or local files: futures are ready at once, so computing threads may poll them.
    Local,
    /// A network: futures wait, so they belong to the I/O runtime.
    Remote,
}

/// How the launch wants a source to be split.
#[derive(Clone, Copy, Debug)]
pub struct SplitRequest {
    /// About how many splits keep all workers busy. A source may give more or fewer.
    pub desired: usize,
    /// The runner needs an end: an unbounded source takes what is there now.
    pub bounded: bool,
}

/// Where elements come from.
///
/// A user's own source, numbers below a limit:
///
/// ```
/// use purlin_model::source::*;
/// use purlin_model::{BoxError, bundle::Bundle};
/// use serde::{Serialize, Deserialize};
///
/// struct Numbers { below: u64 }
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Range { next: u64, end: u64 }
///
/// impl std::fmt::Display for Range {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}..{}", self.next, self.end) }
/// }
///
/// #[async_trait::async_trait]
/// impl Source for Numbers {
///     type Item = u64;
///     type Split = Range;
///     fn describe(&self) -> String { format!("numbers below {}", self.below) }
///     fn boundedness(&self) -> Boundedness { Boundedness::Bounded }
///     fn io(&self) -> Io { Io::Local }
///     async fn splits(&self, _: SplitRequest) -> Result<Vec<Range>, BoxError> {
///         let half = self.below / 2;
///         Ok(vec![Range { next: 0, end: half }, Range { next: half, end: self.below }])
///     }
///     async fn open(&self, split: Range) -> Result<Box<dyn Reader<Self>>, BoxError> { Ok(Box::new(split)) }
/// }
///
/// #[async_trait::async_trait]
/// impl Reader<Numbers> for Range {
///     async fn read(&mut self, into: &mut Bundle<u64>) -> Result<Progress, BoxError> {
///         if self.next == self.end { return Ok(Progress::End) }
///         let upto = self.end.min(self.next + 1024);
///         into.fill(self.next..upto);
///         self.next = upto;
///         Ok(Progress::More)
///     }
///     fn remaining(&self) -> Range { self.clone() }
/// }
/// ```
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// What it gives.
    type Item: Element;
    /// A piece of its work with a position in it. `Display` names it in messages and metrics.
    type Split: Serialize + DeserializeOwned + Clone + fmt::Display + Send + Sync + 'static;

    /// The source in a few words, for `--explain` and messages. Never a secret.
    fn describe(&self) -> String;
    /// Whether it ends.
    fn boundedness(&self) -> Boundedness;
    /// What it waits for.
    fn io(&self) -> Io;
    /// After how long without data a split stops holding the watermark back; `None`: never.
    fn idle_timeout(&self) -> Option<Duration> {
        None
    }
    /// The work, cut into pieces. Called at launch: a missing file or topic is an error here.
    async fn splits(&self, request: SplitRequest) -> Result<Vec<Self::Split>, BoxError>;
    /// Opens a split where its position stands.
    async fn open(&self, split: Self::Split) -> Result<Box<dyn Reader<Self>>, BoxError>;
    /// Splits that have come up beside the `known` ones, to be read from their very start. Asked when a job goes on from a checkpoint, and
    /// now and then while it runs. What is known has to be this source's: a position in another cluster is an error.
    async fn discover(&self, known: Vec<Self::Split>) -> Result<Vec<Self::Split>, BoxError> {
        drop(known);
        Ok(Vec::new())
    }
    /// A split's position as monitoring tools of its log know it, if it has one.
    fn log_position(&self, split: &Self::Split) -> Option<LogPosition> {
        let _ = split;
        None
    }
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Elements, or none this time; read again.
    More,
    /// The split has ended.
    End,
}

/// Reads one split.
#[async_trait]
pub trait Reader<S: Source + ?Sized>: Send {
    /// Appends the next elements to `into`, about [`BUNDLE_TARGET`](crate::bundle::BUNDLE_TARGET) or as many as decode well together. Waits
    /// while there is nothing; may be dropped while it waits, and then no element is lost.
    async fn read(&mut self, into: &mut Bundle<S::Item>) -> Result<Progress, BoxError>;

    /// What is left: the split to open again to go on behind the last element read.
    fn remaining(&self) -> S::Split;

    /// No later element of this split has an earlier timestamp. A bounded split stays at MIN until it ends (SEMANTICS §11).
    fn watermark(&self) -> Timestamp {
        Timestamp::MIN
    }

    /// How many elements are known to be waiting, where that is known.
    fn lag(&self) -> Option<u64> {
        None
    }

    /// Whether a read that gives nothing means that there is nothing: false while elements are known to wait, or whoever has them cannot be
    /// reached. A split that is not caught up never turns idle. For the runner to ask, a read returns empty now and then (every
    /// second or so) instead of waiting on.
    fn is_caught_up(&self) -> bool {
        true
    }
}
