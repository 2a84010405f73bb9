//! Numbers as splittable work: element `(start, end)`, each number at its own time in milliseconds.

use std::time::Duration;

use purlin::prelude::*;
use purlin::split::{Continuation, Monotonic, Offsets, Restriction, SplitWork, SplittableDoFn};

/// A span of numbers; without an end they go on, a few at a time.
#[derive(Clone)]
pub(crate) struct Numbers {
    /// The numbers of a part.
    pub(crate) part: u64,
    /// How many are there at a time, of a span without an end.
    pub(crate) at_a_time: u64,
    /// Where a span without an end is cut off when one is wanted.
    pub(crate) truncated_at: Option<u64>,
}

impl SplittableDoFn<(u64, Option<u64>)> for Numbers {
    type Restriction = Offsets;
    type Estimator = Monotonic;
    type Out = u64;

    fn restriction(&self, (start, end): &(u64, Option<u64>)) -> Result<Offsets, BoxError> {
        Ok(end.map_or(Offsets::from(*start), |end| Offsets::between(*start, end)))
    }

    fn split(&self, _: &(u64, Option<u64>), all: Offsets) -> Vec<Offsets> {
        all.split_every(self.part)
    }

    fn process(
        &mut self,
        _: &(u64, Option<u64>),
        work: &mut SplitWork<'_, Offsets, Monotonic, u64>,
    ) -> Result<Continuation, BoxError> {
        let first = work.restriction().next();
        let there = if work.restriction().is_bounded() { u64::MAX } else { first + self.at_a_time };
        for number in first..there {
            if !work.try_claim(number) {
                return Ok(Continuation::Stop);
            }
            work.emit_at(number, Timestamp::from_millis(number as i64));
        }
        Ok(Continuation::Resume(Duration::from_millis(2)))
    }

    fn truncate(&self, _: &(u64, Option<u64>), rest: Offsets) -> Option<Offsets> {
        match self.truncated_at {
            _ if rest.is_bounded() => Some(rest),
            Some(end) => Some(rest.ending_at(end)),
            None => None,
        }
    }
}
