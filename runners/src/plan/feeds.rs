//! Which exits lead to which heads.

use std::collections::BTreeMap;

use super::{Plan, StageId};

/// A head of a stage.
pub type HeadOf = (StageId, usize);

/// An exit of a stage.
pub type ExitOf = (StageId, usize);

impl Plan {
    /// The exits whose bundles come to each head; one that reads a source has none.
    pub fn feeds(&self) -> BTreeMap<HeadOf, Vec<ExitOf>> {
        let mut feeds: BTreeMap<HeadOf, Vec<ExitOf>> = BTreeMap::new();
        for stage in &self.stages {
            for (number, exit) in stage.exits.iter().enumerate() {
                if let Some(taker) = self.taker(&exit.kind) {
                    feeds.entry(taker).or_default().push((stage.id, number));
                }
            }
        }
        feeds
    }
}
