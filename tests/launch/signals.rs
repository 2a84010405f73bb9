//! SIGINT: a streaming job ends in order, a batch job leaves nothing, and a second signal ends either at once.

use std::time::Duration;

use purlin_tests::{Place, Running, eventually};

use crate::streaming_job::{ALL, CLOSED, StreamingJob};

/// How long an orderly end may take.
const SOON: Duration = Duration::from_secs(20);

const INTERRUPTED: i32 = 130;

fn check_end(running: Running, code: i32, told: &str) {
    let outcome = running.wait(SOON);
    assert_eq!(outcome.code, Some(code), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("panicked at"), "{}", outcome.stderr);
}

#[test]
fn a_streaming_job_stops() {
    let (job, running) = StreamingJob::start("");
    job.wait_for_totals(CLOSED);
    running.interrupt();
    check_end(running, 0, "a second signal ends the program at once");
    assert_eq!(job.totals(), CLOSED, "open windows are not emitted");
}

#[test]
fn a_streaming_job_drains() {
    let (job, running) = StreamingJob::start("--drain");
    job.wait_for_totals(CLOSED);
    running.interrupt();
    check_end(running, 0, "stopping");
    assert_eq!(job.totals(), ALL, "open windows are emitted");
}

#[test]
fn a_second_signal_ends_a_job_that_cannot_end() {
    let (job, mut running) = StreamingJob::start("--drain");
    job.wait_for_totals(CLOSED);
    // What it has to emit cannot be written now.
    job.mock.suspend().expect("a broker to suspend");
    running.interrupt();
    std::thread::sleep(Duration::from_millis(1000));
    assert!(running.is_running(), "it waits for the broker");
    running.interrupt();
    check_end(running, INTERRUPTED, "stopping");
}

#[test]
fn a_batch_job_leaves_nothing() {
    for runner in ["batch", "stream"] {
        let place = Place::new();
        let mut running = place.start(&format!("totals --generate 1000000000000 --output orders --runner {runner}"));
        eventually("temporary output", SOON, || (!place.names().is_empty()).then_some(()));
        assert!(running.is_running() && place.names()[0].starts_with(".orders.tmp-"), "{:?}", place.names());
        running.interrupt();
        match runner {
            "batch" => {
                check_end(running, 1, "nothing was published");
                assert!(place.names().is_empty(), "{:?}", place.names());
            }
            // What was read up to the signal is the result.
            _ => {
                check_end(running, 0, "stopping");
                assert_eq!(place.names(), ["orders"]);
            }
        }
    }
}
