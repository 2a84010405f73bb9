//! Values as a bounded source.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use purlin_model::bundle::{BUNDLE_TARGET, Bundle, ElementSides};
use purlin_model::source::{Boundedness, Io, Progress, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

/// Values in memory, with control over how they come: [`split_into`](Self::split_into) and [`bundles_of`](Self::bundles_of).
///
/// ```
/// use purlin_io::memory::MemorySource;
/// use purlin_model::Pipeline;
/// let source = MemorySource::new(0..100).split_into(3).bundles_of(7);
/// let numbers = Pipeline::new().read("numbers", source);
/// # let _ = numbers;
/// ```
pub struct MemorySource<T> {
    values: Arc<Vec<(T, Timestamp)>>,
    splits: Option<usize>,
    bundle: usize,
}

impl<T: Element> MemorySource<T> {
    /// The values, each at [`Timestamp::MIN`].
    pub fn new(values: impl IntoIterator<Item = T>) -> Self {
        Self::with_timestamps(values.into_iter().map(|value| (value, Timestamp::MIN)))
    }

    /// The values, each at its timestamp.
    ///
    /// ```
    /// # use purlin_io::memory::MemorySource;
    /// # use purlin_model::Timestamp;
    /// let at = Timestamp::from_millis;
    /// let source = MemorySource::with_timestamps([("a".to_string(), at(0)), ("b".to_string(), at(60_000))]);
    /// ```
    pub fn with_timestamps(values: impl IntoIterator<Item = (T, Timestamp)>) -> Self {
        MemorySource { values: Arc::new(values.into_iter().collect()), splits: None, bundle: BUNDLE_TARGET }
    }

    /// Gives exactly `splits` splits of about equal length (some empty, if there are more than values) instead of as many as the
    /// runner asks for.
    pub fn split_into(mut self, splits: usize) -> Self {
        self.splits = Some(splits);
        self
    }

    /// Gives bundles of `elements` elements; the last of a split may be smaller.
    ///
    /// # Panics
    ///
    /// If `elements` is 0.
    pub fn bundles_of(mut self, elements: usize) -> Self {
        assert!(elements > 0, "a bundle of no elements gets nowhere");
        self.bundle = elements;
        self
    }
}

/// The values from `next` to `end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySplit {
    next: usize,
    end: usize,
}

impl fmt::Display for MemorySplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "values {}..{}", self.next, self.end)
    }
}

#[async_trait]
impl<T: Element> Source for MemorySource<T> {
    type Item = T;
    type Split = MemorySplit;

    fn describe(&self) -> String {
        format!("{} values in memory", self.values.len())
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<MemorySplit>, BoxError> {
        if let Some((_, at)) = self.values.iter().find(|(_, at)| !at.is_valid_for_element()) {
            return Err(format!("{} ms is no timestamp that an element may have", at.millis()).into());
        }
        let len = self.values.len();
        let splits = self.splits.unwrap_or(request.desired.clamp(1, len.max(1)));
        Ok((0..splits).map(|i| MemorySplit { next: len * i / splits, end: len * (i + 1) / splits }).collect())
    }

    async fn open(&self, split: MemorySplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(MemoryReader { values: self.values.clone(), left: split, bundle: self.bundle }))
    }
}

struct MemoryReader<T> {
    values: Arc<Vec<(T, Timestamp)>>,
    left: MemorySplit,
    bundle: usize,
}

#[async_trait]
impl<T: Element> Reader<MemorySource<T>> for MemoryReader<T> {
    async fn read(&mut self, into: &mut Bundle<T>) -> Result<Progress, BoxError> {
        let MemorySplit { next, end } = self.left;
        let upto = end.min(next + self.bundle);
        for (value, timestamp) in &self.values[next..upto] {
            into.push(value.clone(), ElementSides::at(*timestamp));
        }
        self.left.next = upto;
        Ok(if upto == end { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> MemorySplit {
        self.left.clone()
    }

    fn lag(&self) -> Option<u64> {
        Some((self.left.end - self.left.next) as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    const THREE: SplitRequest = SplitRequest { desired: 3, bounded: true };

    #[test]
    fn every_value_comes_once_however_it_is_cut() {
        for (len, splits, bundle) in [(0, 1, 1), (0, 4, 7), (10, 1, 3), (10, 3, 4), (10, 17, 1), (10, 2, 100)] {
            let source = MemorySource::new(0..len).split_into(splits).bundles_of(bundle);
            let pieces = block_on(Source::splits(&source, THREE)).unwrap();
            assert_eq!(pieces.len(), splits);
            let mut all = Bundle::new();
            for piece in pieces {
                let mut reader = block_on(source.open(piece)).unwrap();
                loop {
                    let mut one = Bundle::new();
                    let progress = block_on(reader.read(&mut one)).unwrap();
                    assert!(one.len() <= bundle);
                    all.append(&mut one);
                    // What is left opens again at the same place.
                    reader = block_on(source.open(reader.remaining())).unwrap();
                    if progress == Progress::End {
                        break;
                    }
                }
            }
            assert_eq!(all.values(), (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_runner_decides_about_splits_if_nobody_else_does() {
        assert_eq!(block_on(MemorySource::new(0..10).splits(THREE)).unwrap().len(), 3);
        assert_eq!(block_on(MemorySource::new(0..2).splits(THREE)).unwrap().len(), 2);
    }

    #[test]
    fn a_timestamp_that_no_element_may_have_is_refused() {
        assert!(block_on(MemorySource::with_timestamps([(1, Timestamp::MAX)]).splits(THREE)).is_err());
    }
}
