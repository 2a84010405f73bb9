//! Triggers by processing time: they fire while the pipeline runs, and so do groupings downstream of them.

use purlin::io::memory;
use purlin::prelude::*;
use purlin::window::OnTimeBehavior;
use purlin_tests::Live;

use crate::job::{Job, WORKERS, at, wait_for};

#[test]
fn a_grouping_behind_another_goes_on_firing() {
    for workers in WORKERS {
        let (sender, stream) = memory::channel();
        let (pipeline, results) = (Pipeline::new(), Live::new());
        let now_and_then = Trigger::after_processing_time(milliseconds(20)).repeatedly();
        pipeline
            .read("numbers", stream)
            .window(Global.with().trigger(now_and_then).discarding().on_time(OnTimeBehavior::IfNonEmpty))
            .key_by("parity", |n: &i64| n % 2)
            .combine_per_key("sum", Sum)
            .map("one key", |(_, sum)| ((), sum))
            // Its trigger continues as the synchronized one: panes of several upstream bundles reach it apart.
            .combine_per_key("sum of sums", Max)
            .map("greatest", |((), sum)| sum.unwrap_or_default())
            .write("results", results.sink());
        let job = Job::start(&pipeline, workers);
        let mut expected = Vec::new();
        for round in 1..=3_i64 {
            sender.send(round * 100, at(round));
            expected.push(round * 100);
            wait_for(&results, &expected);
        }
        sender.close();
        job.end();
        assert_eq!(results.values(), expected, "{workers} workers");
    }
}
