//! Random scripts: few moments, close together, so that boundaries are met.

use proptest::collection::vec;
use proptest::prelude::*;
use purlin::prelude::*;
use purlin::source::TestStream;

use crate::pipeline::Pair;

/// One event of a script.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Keys and times; values are numbered.
    Elements(Vec<(i64, i64)>),
    Watermark(i64),
    ProcessingTime(u64),
}

pub(crate) fn script() -> impl Strategy<Value = Vec<Event>> {
    let elements = vec((0_i64..3, -5_i64..45), 1..5);
    let event = prop_oneof![
        5 => elements.prop_map(Event::Elements),
        3 => (0_i64..60).prop_map(Event::Watermark),
        2 => (1_u64..9).prop_map(Event::ProcessingTime),
    ];
    vec(event, 1..14)
}

pub(crate) fn test_stream(script: &[Event]) -> TestStream<Pair> {
    let mut number = 0;
    let mut stream = TestStream::new();
    for event in script {
        stream = match event {
            Event::Watermark(to) => stream.advance_watermark(Timestamp::from_millis(*to)),
            Event::ProcessingTime(by) => stream.advance_processing_time(milliseconds(*by)),
            Event::Elements(elements) => stream.elements(elements.iter().map(|(key, at)| {
                number += 1;
                ((*key, number), Timestamp::from_millis(*at))
            })),
        };
    }
    stream
}
