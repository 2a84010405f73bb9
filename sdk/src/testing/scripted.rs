//! A source that gives what a test says: splits, bundle sizes, order, and a sound watermark.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::bundle::{Bundle, ElementSides};
use crate::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use crate::{BoxError, Element, Timestamp};

/// A bounded source in every detail: what each split gives, in which order, in bundles of how many, and whether the watermark moves.
///
/// Where the moment at which elements, watermarks and processing time come matters, take a [`TestStream`](super::TestStream);
/// this source is for what has to be the same at any moment.
///
/// ```
/// use purlin::prelude::*;
/// use purlin::testing::{ScriptedSource, TestPipeline, check};
///
/// let at = Timestamp::from_millis;
/// let source = ScriptedSource::new([vec![(3, at(5)), (4, at(0))], vec![(5, at(1))]]).bundles_of(1).moving_watermark(true);
/// let test = TestPipeline::new();
/// check(&test.read("numbers", source).combine_globally("sum", Sum)).equals(12);
/// test.run();
/// ```
#[derive(Clone)]
pub struct ScriptedSource<T> {
    splits: Arc<Vec<Vec<(T, Timestamp)>>>,
    bundle: usize,
    moving_watermark: bool,
    idle_after: Option<Duration>,
}

impl<T: Element> ScriptedSource<T> {
    /// The elements of each split in their order of arrival; each split in one bundle, the watermark at MIN until the end.
    pub fn new(splits: impl IntoIterator<Item = Vec<(T, Timestamp)>>) -> Self {
        let splits = Arc::new(splits.into_iter().collect());
        ScriptedSource { splits, bundle: usize::MAX, moving_watermark: false, idle_after: None }
    }

    /// Gives bundles of `elements` elements, at least one; the last of a split may be smaller.
    pub fn bundles_of(self, elements: usize) -> Self {
        ScriptedSource { bundle: elements.max(1), ..self }
    }

    /// With `moves`, a split's watermark is after every bundle the least timestamp of what it has yet to give: as far as a watermark can be
    /// without making anything late.
    pub fn moving_watermark(self, moves: bool) -> Self {
        ScriptedSource { moving_watermark: moves, ..self }
    }

    /// A split that is silent for so long turns [idle](Source::idle_timeout): where something makes it silent, as [`simulate`](super::simulate) does,
    /// the others' watermark goes on without it, and what it gives afterwards may be late.
    pub fn idle_after(self, silence: Duration) -> Self {
        ScriptedSource { idle_after: Some(silence), ..self }
    }
}

/// The elements of one split of a [`ScriptedSource`] from some place on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScriptedSplit {
    split: usize,
    next: usize,
}

impl fmt::Display for ScriptedSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "script {} from {}", self.split, self.next)
    }
}

#[async_trait]
impl<T: Element> Source for ScriptedSource<T> {
    type Item = T;
    type Split = ScriptedSplit;

    fn describe(&self) -> String {
        format!("{} scripted splits", self.splits.len())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.idle_after
    }

    async fn splits(&self, _request: SplitRequest) -> Result<Vec<ScriptedSplit>, BoxError> {
        Ok((0..self.splits.len()).map(|split| ScriptedSplit { split, next: 0 }).collect())
    }

    async fn open(&self, place: ScriptedSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(ScriptReader { script: self.clone(), place }))
    }
}

struct ScriptReader<T> {
    script: ScriptedSource<T>,
    place: ScriptedSplit,
}

impl<T> ScriptReader<T> {
    /// What the split has yet to give.
    fn left(&self) -> &[(T, Timestamp)] {
        &self.script.splits[self.place.split][self.place.next..]
    }
}

#[async_trait]
impl<T: Element> Reader<ScriptedSource<T>> for ScriptReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let given = self.left().len().min(self.script.bundle);
        for (value, at) in &self.left()[..given] {
            into.push(value.clone(), ElementSides::at(*at));
        }
        self.place.next += given;
        Ok(if self.left().is_empty() { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> ScriptedSplit {
        self.place.clone()
    }

    fn watermark(&self) -> Timestamp {
        if !self.script.moving_watermark {
            return Timestamp::MIN;
        }
        self.left().iter().map(|(_, at)| *at).min().unwrap_or(Timestamp::MAX)
    }
}
