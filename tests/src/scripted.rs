//! A source that gives what a test says: splits, bundle sizes, order, and a sound watermark.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use purlin::bundle::{Bundle, ElementSides};
use purlin::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use purlin::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

/// Elements of each split in their order of arrival, given in bundles of `bundle` elements.
///
/// With `moving_watermark` each split's watermark is, after every bundle, the least timestamp of what it has yet to give: as far as a
/// watermark can be without making anything late. Otherwise it stays at MIN until the end.
#[derive(Clone)]
pub struct Scripted<T> {
    /// What each split gives.
    pub splits: Arc<Vec<Vec<(T, Timestamp)>>>,
    /// How many elements come at a time.
    pub bundle: usize,
    /// Whether the watermark follows the elements.
    pub moving_watermark: bool,
}

/// The elements of one split from `next` on.
#[derive(Clone, Serialize, Deserialize)]
pub struct Place {
    split: usize,
    next: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "script {} from {}", self.split, self.next)
    }
}

#[async_trait]
impl<T: Element> Source for Scripted<T> {
    type Item = T;
    type Split = Place;

    fn describe(&self) -> String {
        format!("{} scripted splits", self.splits.len())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, _request: SplitRequest) -> Result<Vec<Place>, BoxError> {
        Ok((0..self.splits.len()).map(|split| Place { split, next: 0 }).collect())
    }

    async fn open(&self, place: Place) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(ScriptReader { script: self.clone(), place }))
    }
}

struct ScriptReader<T> {
    script: Scripted<T>,
    place: Place,
}

impl<T> ScriptReader<T> {
    fn elements(&self) -> &[(T, Timestamp)] {
        &self.script.splits[self.place.split]
    }
}

#[async_trait]
impl<T: Element> Reader<Scripted<T>> for ScriptReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let len = self.elements().len();
        let upto = len.min(self.place.next + self.script.bundle.max(1));
        for (value, at) in &self.elements()[self.place.next..upto] {
            into.push(value.clone(), ElementSides::at(*at));
        }
        self.place.next = upto;
        Ok(if upto == len { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Place {
        self.place.clone()
    }

    fn watermark(&self) -> Timestamp {
        if !self.script.moving_watermark {
            return Timestamp::MIN;
        }
        let left = self.elements()[self.place.next..].iter().map(|(_, at)| *at);
        left.min().unwrap_or(Timestamp::MAX)
    }
}
