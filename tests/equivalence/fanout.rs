//! A fan-out gives the panes that the combine gives without it, one by one, on every runner.

use purlin::prelude::*;
use purlin::source::TestStream;
use purlin_tests::Runner;

use purlin_tests::random::Pair;

/// Key, sum, timestamp, pane's timing, pane's index.
type Row = (i64, i64, i64, String, u64);

fn script() -> TestStream<Pair> {
    let at = Timestamp::from_millis;
    TestStream::new()
        .elements([((1, 1), at(10)), ((1, 2), at(20)), ((2, 5), at(20))])
        .advance_processing_time(milliseconds(60))
        // The second combine's trigger fires strictly after what the first's has given.
        .advance_processing_time(milliseconds(1))
        .elements([((1, 4), at(30)), ((3, 7), at(130))])
        .advance_watermark(at(100))
        // Late, two of a key in one bundle.
        .elements([((1, 8), at(40)), ((2, 6), at(5)), ((1, 16), at(50))])
        .elements([((1, 32), at(60))])
        .advance_watermark(at(300))
        // Too late.
        .elements([((1, 64), at(70))])
        .advance_watermark_to_infinity()
}

fn panes(runner: Runner, spec: WindowSpec, combine: impl Fn(PCollection<Pair>) -> PCollection<Pair>) -> Vec<Row> {
    let (pipeline, rows) = (Pipeline::new(), MemorySink::new());
    combine(pipeline.test_stream("pairs", script()).window(spec))
        .map_in("row", |(key, sum), at| {
            (key, sum, at.timestamp.millis(), format!("{:?}", at.pane.timing), at.pane.index)
        })
        .write("rows", rows.sink());
    runner.run(&pipeline.graph().expect("a sound graph")).expect("no failure");
    let mut rows = rows.take();
    rows.sort();
    rows
}

#[test]
fn panes_are_those_of_a_combine_without_it() {
    let early = Trigger::after_watermark()
        .early(Trigger::after_processing_time(milliseconds(50)))
        .late(Trigger::after_count(1));
    let windows = || Fixed::of(milliseconds(100)).with().allowed_lateness(milliseconds(150));
    let specs = [
        Fixed::of(milliseconds(100)).with(),
        windows().discarding(),
        windows().accumulating(),
        windows().trigger(early.clone()).discarding(),
        windows().trigger(early).accumulating(),
        windows().trigger(Trigger::Never).discarding(),
    ];
    for spec in specs {
        let expected = panes(Runner::Reference, spec.clone(), |pairs| pairs.combine_per_key("sum", Sum));
        assert!(expected.len() >= 3, "{expected:?}");
        for runner in Runner::ALL {
            let spread = panes(runner, spec.clone(), |pairs| {
                pairs.combine_per_key_with_fanout("sum", Sum, |key| if *key == 2 { 1 } else { 3 })
            });
            assert_eq!(spread, expected, "{runner:?}, {spec:?}");
        }
    }
}
