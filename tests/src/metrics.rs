//! What a running program tells Prometheus, read over a plain connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// The answer to a request for `path`, head and body; nothing while nobody listens.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The value of the first sample of a metric.
pub fn value(port: u16, metric: &str) -> Option<f64> {
    let answer = get(port, "/metrics")?;
    let sample = answer.lines().find(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with('{')))?;
    sample.rsplit(' ').next()?.parse().ok()
}

/// The value of the first sample of a metric with this label, as it is written: `name="value"`.
pub fn labelled(port: u16, metric: &str, label: &str) -> Option<f64> {
    let answer = get(port, "/metrics")?;
    let of_metric = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with('{'));
    answer.lines().filter(of_metric).find(|line| line.contains(label))?.rsplit(' ').next()?.parse().ok()
}
