//! `--metrics-listen`: what Prometheus gets while a job runs.

use purlin_tests::metrics::{get, value};
use purlin_tests::{PATIENCE, eventually};

use crate::streaming_job::{CLOSED, StreamingJob};

#[test]
fn a_running_job_tells_prometheus() {
    let (job, mut running) = StreamingJob::start("--job-name orders-job");
    job.wait_for_totals(CLOSED);
    assert!(running.is_running());
    let metric = |name: &str| value(job.port, name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(metric("purlin_elements_read_total"), 100.0);
    assert_eq!(metric("purlin_elements_written_total"), CLOSED as f64);
    assert_eq!(metric("purlin_elements_dropped_late_total"), 0.0);
    assert_eq!(metric("purlin_elements_dropped_closed_total"), 0.0);
    // Reported now and then: it gets there.
    eventually("the split's watermark", PATIENCE, || {
        (value(job.port, "purlin_split_watermark_seconds")? == 98.0).then_some(())
    });
    eventually("the split's lag", PATIENCE, || (value(job.port, "purlin_split_lag_elements")? == 0.0).then_some(()));

    let answer = get(job.port, "/metrics").expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(body.contains(r#"job="orders-job""#), "{body}");
    check_format(body);
    assert!(get(job.port, "/secrets").is_some_and(|answer| answer.starts_with("HTTP/1.1 404")));
}

/// Each line is a comment or `name{label="value",…} number`; each metric's type is said once, before its samples, which stand together.
fn check_format(body: &str) {
    let mut typed: Vec<&str> = Vec::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert!(!typed.contains(&name), "{name} is typed twice:\n{body}");
            typed.push(name);
            continue;
        }
        let (name, rest) = line.split_once('{').expect("labels");
        assert_eq!(Some(&name), typed.last(), "{name} does not stand behind its type:\n{body}");
        let (labels, number) = rest.rsplit_once("} ").expect("a value");
        assert!(labels.split("\",").all(|label| label.contains("=\"")), "{line}");
        assert!(number.replace("Inf", "0").parse::<f64>().is_ok(), "{line}");
    }
}
