//! `create`: a collection from values in the program.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::bundle::{BUNDLE_TARGET, Bundle};
use crate::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use crate::{BoxError, Element, PCollection, Pipeline, Timestamp};

impl Pipeline {
    /// The values, each at [`Timestamp::MIN`].
    pub fn create<T: Element>(&self, name: &str, values: impl IntoIterator<Item = T>) -> PCollection<T> {
        self.read(name, Values::new(values.into_iter().map(|value| (value, Timestamp::MIN)).collect()))
    }

    /// The values, each at its timestamp.
    pub fn create_at<T: Element>(
        &self,
        name: &str,
        values: impl IntoIterator<Item = (T, Timestamp)>,
    ) -> PCollection<T> {
        self.read(name, Values::new(values.into_iter().collect()))
    }
}

/// Values in memory as a source.
struct Values<T> {
    values: std::sync::Arc<Vec<(T, Timestamp)>>,
}

impl<T> Values<T> {
    fn new(values: Vec<(T, Timestamp)>) -> Self {
        Values { values: std::sync::Arc::new(values) }
    }
}

/// The values from `next` to `end`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Slice {
    next: usize,
    end: usize,
}

impl std::fmt::Display for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "values {}..{}", self.next, self.end)
    }
}

#[async_trait]
impl<T: Element> Source for Values<T> {
    type Item = T;
    type Split = Slice;

    fn describe(&self) -> String {
        format!("{} values in memory", self.values.len())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<Slice>, BoxError> {
        let len = self.values.len();
        let size = len.div_ceil(request.desired.max(1)).max(1);
        Ok((0..len).step_by(size).map(|next| Slice { next, end: len.min(next + size) }).collect())
    }

    async fn open(&self, split: Slice) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(SliceReader { values: self.values.clone(), left: split }))
    }
}

struct SliceReader<T> {
    values: std::sync::Arc<Vec<(T, Timestamp)>>,
    left: Slice,
}

#[async_trait]
impl<T: Element> Reader<Values<T>> for SliceReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let Slice { next, end } = self.left;
        let upto = end.min(next + BUNDLE_TARGET);
        for (value, timestamp) in &self.values[next..upto] {
            if !timestamp.is_valid_for_element() {
                return Err(format!("{} ms is no timestamp that an element may have", timestamp.millis()).into());
            }
            into.push(value.clone(), crate::bundle::ElementSides::at(*timestamp));
        }
        self.left.next = upto;
        Ok(if upto == end { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Slice {
        self.left.clone()
    }
}
