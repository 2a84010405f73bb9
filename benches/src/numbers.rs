//! Numbers as a source: what inputs are made of, and what costs next to nothing to read.

use std::fmt;

use async_trait::async_trait;
use purlin::bundle::{BUNDLE_TARGET, Bundle};
use purlin::prelude::*;
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use serde::{Deserialize, Serialize};

/// Numbers from 0 on in their order, in bundles of the usual size: one split.
pub struct Numbers {
    /// How many there are.
    pub below: u64,
}

/// The numbers that are left.
#[derive(Clone, Serialize, Deserialize)]
pub struct Range {
    next: u64,
    end: u64,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "numbers {}..{}", self.next, self.end)
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

    async fn splits(&self, _request: SplitRequest) -> Result<Vec<Range>, BoxError> {
        Ok(vec![Range { next: 0, end: self.below }])
    }

    async fn open(&self, split: Range) -> Result<Box<dyn Reader<Self>>, BoxError> {
        Ok(Box::new(split))
    }
}

#[async_trait]
impl Reader<Numbers> for Range {
    async fn read(&mut self, into: &mut Bundle<u64>) -> Result<Progress, BoxError> {
        let upto = self.end.min(self.next + BUNDLE_TARGET as u64);
        into.fill(self.next..upto);
        self.next = upto;
        Ok(if upto == self.end { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Range {
        self.clone()
    }
}
