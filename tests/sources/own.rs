//! A user's own source and sink, in some thirty lines each, on every runner.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use purlin::bundle::Bundle;
use purlin::prelude::*;
use purlin::sink::{Visibility, Writer};
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use purlin_tests::{Place, Runner};
use serde::{Deserialize, Serialize};

/// The whole numbers from 0 on.
pub(crate) struct Numbers {
    pub(crate) below: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) next: u64,
    pub(crate) end: u64,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.next, self.end)
    }
}

#[async_trait]
impl Source for Numbers {
    type Item = u64;
    type Split = Range;

    fn describe(&self) -> String {
        format!("numbers below {}", self.below)
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<Range>, BoxError> {
        let pieces = request.desired as u64;
        Ok((0..pieces).map(|n| Range { next: self.below * n / pieces, end: self.below * (n + 1) / pieces }).collect())
    }

    async fn open(&self, split: Range) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(split))
    }
}

#[async_trait]
impl Reader<Numbers> for Range {
    async fn read(&mut self, into: &mut Bundle<u64>) -> Result<Progress, BoxError> {
        let upto = self.end.min(self.next + 100);
        into.fill(self.next..upto);
        self.next = upto;
        Ok(if upto == self.end { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Range {
        self.clone()
    }
}

/// One file of lines, put together from each worker's part when the pipeline has succeeded.
struct OneFile {
    path: PathBuf,
}

#[async_trait]
impl Sink for OneFile {
    type Item = String;
    type Staged = String;

    fn describe(&self) -> String {
        format!("file `{}`", self.path.display())
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(Part::default()))
    }

    async fn publish(&self, parts: Vec<String>) -> Result<(), BoxError> {
        let mut file = File::create(&self.path)?;
        Ok(parts.iter().try_for_each(|part| file.write_all(part.as_bytes()))?)
    }
}

#[derive(Default)]
struct Part {
    text: String,
}

#[async_trait]
impl Writer<OneFile> for Part {
    async fn write(&mut self, bundle: &mut Bundle<String>) -> Result<(), BoxError> {
        bundle.drain().for_each(|(line, _)| self.text += &(line + "\n"));
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<String>, BoxError> {
        Ok(Some(std::mem::take(&mut self.text)))
    }
}

#[test]
fn run_everywhere() {
    for runner in Runner::ALL {
        let (place, pipeline) = (Place::new(), Pipeline::new());
        pipeline
            .read("numbers", Numbers { below: 10_000 })
            .key_by("last digit", |n| n % 10)
            .combine_per_key("sum", Sum)
            .map("line", |(digit, sum)| format!("{digit}: {sum}"))
            .write("file", OneFile { path: place.path("sums") });
        runner.run(&pipeline.graph().expect("a sound graph")).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let text = std::fs::read_to_string(place.path("sums")).expect("a file");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort();
        // Those that end in d are 10 k + d for k below 1000.
        let expected: Vec<String> = (0..10).map(|digit| format!("{digit}: {}", 10 * 499_500 + 1000 * digit)).collect();
        assert_eq!(lines, expected, "{runner:?}");
    }
}
