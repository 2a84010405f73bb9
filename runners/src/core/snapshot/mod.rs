//! Snapshots of the machines: what a checkpoint keeps of them beside their keyed state.
//!
//! A shard of work by key writes its entries, by (window, key), to a [`StateLog`](purlin_model::snapshot::StateLog), only those that have
//! changed, and gives a [`ShardSnapshot`] of all that is not by key, each time whole. A stage gives a [`StageSnapshot`] of what waits in its
//! steps. Entries are dealt out anew by key group; the rest is put together from all old shards by whoever comes after them, however many:
//! watermarks are the least of the old ones, elements go to those who own them now.
//!
//! All of it is format: [`FORMAT`] counts its versions, and a snapshot of another one is refused. Cells, steps and views are found again
//! by name, and what has another type than it had is refused ([`StateType`]).
//!
//! - `elements`: elements that wait, as bytes.
//! - `state_types`: what is kept, by name and type.

mod elements;
mod state_types;

pub use elements::ElementsSnapshot;
pub use state_types::StateType;
pub(super) use state_types::renumbered;

use std::collections::HashSet;

use purlin_model::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// The version of everything that the machines write: their entries, and the types here.
pub const FORMAT: u16 = 1;

/// What a shard of work by key keeps that is not by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardSnapshot {
    pub(super) format: u16,
    /// Which shard, of how many.
    pub(super) shard: (usize, usize),
    pub(super) clocks: Clocks,
    /// The result of an empty input cannot come any more: an element has come, or that result.
    pub(super) has_begun: bool,
    /// Elements that wait to be sorted.
    pub(super) sorted: ElementsSnapshot,
    /// Elements that wait for a side input.
    pub(super) waiting: ElementsSnapshot,
    /// The views that are looked up.
    pub(super) views: Vec<ViewSnapshot>,
}

/// Where a shard stands in time. The local processing time is not kept: another machine's clock may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Clocks {
    pub(super) input_watermark: Timestamp,
    pub(super) output_watermark: Timestamp,
    pub(super) synchronized_ms: i64,
    /// When cells are next looked for whose time to live is over, by either clock.
    pub(super) next_sweep: Option<(Timestamp, i64)>,
}

/// A view as a shard or stage sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ViewSnapshot {
    pub(super) name: String,
    pub(super) watermark: Timestamp,
    /// Its values, each in its window.
    pub(super) values: ElementsSnapshot,
}

/// What a stage on one worker keeps beside its work by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSnapshot {
    pub(super) format: u16,
    /// The steps in which elements wait for a side input, by name.
    pub(super) waiting: Vec<(String, ElementsSnapshot)>,
    /// The views that steps look up.
    pub(super) views: Vec<ViewSnapshot>,
    /// Views have forgotten what windows before this look up.
    pub(super) views_passed: Timestamp,
}

impl Clocks {
    /// At the beginning.
    pub(super) const START: Clocks = Clocks {
        input_watermark: Timestamp::MIN,
        output_watermark: Timestamp::MIN,
        synchronized_ms: i64::MIN,
        next_sweep: None,
    };

    /// Where a shard begins that comes after these: where its namesake stood; where there are more or fewer shards than before, no
    /// further than any.
    pub(super) fn after(old: &[ShardSnapshot], shard: (usize, usize)) -> Clocks {
        let namesake = old.iter().find(|old| old.shard == shard).map(|old| old.clocks);
        let least = || old.iter().map(|old| old.clocks).reduce(Clocks::least);
        namesake.or_else(least).unwrap_or(Clocks::START)
    }

    fn least(self, other: Clocks) -> Clocks {
        Clocks {
            input_watermark: self.input_watermark.min(other.input_watermark),
            output_watermark: self.output_watermark.min(other.output_watermark),
            synchronized_ms: self.synchronized_ms.min(other.synchronized_ms),
            next_sweep: self.next_sweep.min(other.next_sweep),
        }
    }
}

impl StageSnapshot {
    /// Refuses what no step of the plan could take over: elements that wait in one which is not there any more. `all` are those of all
    /// stages and workers.
    pub fn check(all: &[StageSnapshot], plan: &Plan) -> Result<(), BoxError> {
        let steps: HashSet<&str> =
            plan.stages.iter().flat_map(|stage| &stage.steps).map(|step| step.name.as_str()).collect();
        let mut waiting = all.iter().flat_map(|stage| &stage.waiting);
        match waiting.find(|(name, _)| !steps.contains(name.as_str())) {
            None => Ok(()),
            Some((name, elements)) => Err(format!(
                "in the snapshot {} elements wait for a side input of `{name}`, and the pipeline has no such transform any more: keep it \
                 under its name, or start without the snapshot",
                elements.len()
            )
            .into()),
        }
    }
}

/// Refuses formats that are not known.
pub(super) fn check_format(formats: impl IntoIterator<Item = u16>) -> Result<(), BoxError> {
    match formats.into_iter().find(|format| *format != FORMAT) {
        None => Ok(()),
        Some(format) => Err(format!(
            "the snapshot has format {format}, and this program reads format {FORMAT}: go on with the version of Purlin that wrote it"
        )
        .into()),
    }
}

#[cfg(test)]
mod tests;
