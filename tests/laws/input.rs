//! Elements in the order of their arrival, and the ways in which they arrive.

use proptest::collection::vec;
use proptest::prelude::*;
use purlin::prelude::*;
use purlin::source::TestStream;
use purlin_tests::ScriptedSource;

use crate::pipeline::Pair;

/// Key and time of each element; its value is its number.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals(Vec<(i64, i64)>);

pub(crate) fn arrivals() -> impl Strategy<Value = Arrivals> {
    vec((0_i64..3, 0_i64..70), 1..25).prop_map(Arrivals)
}

impl Arrivals {
    pub(crate) fn of(elements: &[(i64, i64)]) -> Self {
        Arrivals(elements.to_vec())
    }

    pub(crate) fn elements(&self) -> Vec<(Pair, Timestamp)> {
        let elements = self.0.iter().zip(0..);
        elements.map(|((key, at), number)| ((*key, number), Timestamp::from_millis(*at))).collect()
    }

    /// From several splits, each with a watermark that none of its elements is behind.
    pub(crate) fn source(&self, splits: usize, bundle: usize) -> ScriptedSource<Pair> {
        let mut dealt = vec![Vec::new(); splits];
        for (number, element) in self.elements().into_iter().enumerate() {
            dealt[number % splits].push(element);
        }
        ScriptedSource::new(dealt).bundles_of(bundle).moving_watermark(true)
    }

    /// One by one, the watermark behind each at most `late_ms` beyond the earliest that is still to come.
    pub(crate) fn script(&self, late_ms: i64) -> TestStream<Pair> {
        let elements = self.elements();
        let mut script = TestStream::new();
        for (number, element) in elements.iter().enumerate() {
            script = script.elements([*element]).advance_processing_time(milliseconds(2));
            if let Some(next) = elements[number + 1..].iter().map(|(_, at)| at.millis()).min() {
                script = script.advance_watermark(Timestamp::from_millis(next + late_ms));
            }
        }
        script.advance_watermark_to_infinity()
    }
}
