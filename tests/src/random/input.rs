//! Random input: elements, how they are split, and in what order and bundles they come.

use proptest::collection::vec;
use proptest::prelude::*;
use purlin::Timestamp;

use super::pipelines::Pair;
use crate::ScriptedSource;

/// Splits of elements in order of arrival.
#[derive(Clone, Debug)]
pub struct Input {
    splits: Vec<Vec<(Pair, i64)>>,
    bundle: usize,
    moving_watermark: bool,
}

impl Input {
    /// The input as a source.
    pub fn source(&self) -> ScriptedSource<Pair> {
        let element = |(pair, at): &(Pair, i64)| (*pair, Timestamp::from_millis(*at));
        let splits = self.splits.iter().map(|split| split.iter().map(element).collect());
        ScriptedSource::new(splits).bundles_of(self.bundle).moving_watermark(self.moving_watermark)
    }
}

/// Few keys and times, so that they meet.
pub fn input() -> impl Strategy<Value = Input> {
    let element = ((0..4_i64, -20..20_i64), -40..120_i64);
    let splits = vec(vec(element, 0..25), 1..4);
    (splits, 1..9_usize, any::<bool>()).prop_map(|(splits, bundle, moving_watermark)| Input {
        splits,
        bundle,
        moving_watermark,
    })
}
