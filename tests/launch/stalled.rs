//! Nothing comes out, and the job says why: in its metrics and, unasked, in its log.

use std::time::Duration;

use purlin_tests::metrics::{labelled, value};
use purlin_tests::{PATIENCE, eventually};

use crate::streaming_job::{ALL, StreamingJob};

/// Longer than a stall lasts before it is told.
const STALL: Duration = Duration::from_secs(17);

#[test]
fn a_silent_partition_is_named() {
    let (job, running) = StreamingJob::start_over(1, "--idle-timeout 1h --log warn");
    let holder = || labelled(job.port, "purlin_watermark_held_seconds", r#"split="orders/1""#);
    let no_watermark = eventually("the holder in the metrics", PATIENCE, holder);
    assert_eq!(no_watermark, f64::NEG_INFINITY);
    eventually("that it is silent", PATIENCE, || {
        value(job.port, "purlin_watermark_holder_silent_since_seconds").filter(|since| *since > 1e9)
    });
    std::thread::sleep(STALL);
    assert_eq!(job.totals(), 0, "partition 1 might still give what belongs to any window");
    running.interrupt();
    let outcome = running.wait(PATIENCE);
    let told = "nothing can come out of open windows: no watermark yet, held by orders/1, silent since";
    assert_eq!(outcome.stderr.matches(told).count(), 1, "{}", outcome.stderr);
}

#[test]
fn an_idle_partition_holds_nothing() {
    let (job, running) = StreamingJob::start_over(1, "--idle-timeout 1s --drain");
    let holder = || labelled(job.port, "purlin_watermark_held_seconds", r#"split="orders/1""#);
    eventually("the idle partition to hold nothing any more", PATIENCE, || holder().is_none().then_some(()));
    running.interrupt();
    let outcome = running.wait(PATIENCE);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    job.wait_for_totals(ALL);
}
