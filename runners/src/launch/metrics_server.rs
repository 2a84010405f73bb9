//! Metrics for Prometheus, in its text format (version 0.0.4), over the least HTTP that it needs.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use purlin_model::metrics::{Metric, Metrics};
use purlin_model::{Failure, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::observe::Observer;

/// A request's head is never longer.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// A client that says nothing for so long is let go.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A bound endpoint.
pub(super) struct MetricsServer {
    listener: TcpListener,
    observer: Arc<Observer>,
    metrics: Metrics,
    job: String,
}

impl MetricsServer {
    /// Binds the address.
    pub(super) async fn bind(
        address: SocketAddr,
        observer: Arc<Observer>,
        metrics: Metrics,
        job: String,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::Options(format!("--metrics-listen {address} cannot be listened on: {error}; choose another port"))
        })?;
        tracing::info!("metrics at http://{address}/metrics");
        Ok(MetricsServer { listener, observer, metrics, job })
    }

    /// Answers requests, one after the other, until the runtime ends.
    pub(super) async fn serve(self) {
        loop {
            match self.listener.accept().await {
                // A client that leaves or says nothing is its own affair.
                Ok((stream, _)) => drop(tokio::time::timeout(REQUEST_TIMEOUT, self.answer(stream)).await),
                Err(error) => {
                    tracing::warn!("the metrics endpoint could not accept a connection: {error}");
                    tokio::time::sleep(REQUEST_TIMEOUT).await;
                }
            }
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
            if stream.read_buf(&mut request).await? == 0 {
                break;
            }
        }
        let found = request.starts_with(b"GET /metrics ") || request.starts_with(b"GET / ");
        let (status, body) = if found { ("200 OK", self.text()) } else { ("404 Not Found", String::new()) };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await
    }

    fn text(&self) -> String {
        let job = escaped(&self.job);
        let (late, closed) = self.observer.elements_dropped();
        let mut text = String::new();
        let mut line = |kind: &str, name: &str, labels: &str, value: String| {
            let _ = write!(text, "# TYPE {name} {kind}\n{name}{{job=\"{job}\"{labels}}} {value}\n");
        };
        line("counter", "purlin_elements_read_total", "", self.observer.elements_read().to_string());
        line("counter", "purlin_elements_written_total", "", self.observer.elements_written().to_string());
        line("counter", "purlin_elements_dropped_late_total", "", late.to_string());
        line("counter", "purlin_elements_dropped_closed_total", "", closed.to_string());
        for (split, report) in self.observer.splits() {
            let status = report.status.split(' ').next().unwrap_or_default();
            let labels = format!(",split=\"{}\",status=\"{status}\"", escaped(&split));
            line("gauge", "purlin_split_watermark_seconds", &labels, seconds(report.watermark));
            if let Some(lag) = report.lag {
                line("gauge", "purlin_split_lag_elements", &format!(",split=\"{}\"", escaped(&split)), lag.to_string());
            }
        }
        if let Some(held) = self.observer.held() {
            let labels = format!(",split=\"{}\"", escaped(&held.by));
            line("gauge", "purlin_watermark_held_seconds", &labels, seconds(held.at));
            let since = |at: Option<Timestamp>| at.map_or("0".into(), seconds);
            line("gauge", "purlin_watermark_holder_silent_since_seconds", &labels, since(held.silent_since));
            line("gauge", "purlin_watermark_holder_blocked_since_seconds", &labels, since(held.blocked_since));
        }
        if let Some(checkpoint) = self.observer.checkpoint() {
            line("gauge", "purlin_checkpoint_last", "", checkpoint.checkpoint.to_string());
            line("gauge", "purlin_checkpoint_bytes", "", checkpoint.bytes.to_string());
            let spent = |span: Duration| format!("{:.3}", span.as_secs_f64());
            line("gauge", "purlin_checkpoint_gathered_in_seconds", "", spent(checkpoint.gathered_in));
            line("gauge", "purlin_checkpoint_stored_in_seconds", "", spent(checkpoint.stored_in));
            line(
                "gauge",
                "purlin_checkpoint_committed_seconds",
                "",
                seconds(Timestamp::from_millis(checkpoint.committed_ms)),
            );
        }
        line("counter", "purlin_recoveries_total", "", self.observer.recoveries().to_string());
        for (stage, watermark) in self.observer.watermarks() {
            let labels = format!(",stage=\"{}\"", escaped(&stage));
            line("gauge", "purlin_stage_watermark_seconds", &labels, seconds(watermark));
        }
        for (name, metric) in self.metrics.all() {
            let labels = format!(",name=\"{}\"", escaped(&name));
            match metric {
                Metric::Counter(counter) => {
                    line("counter", "purlin_user_counter_total", &labels, counter.value().to_string());
                }
                Metric::Gauge(gauge) => line("gauge", "purlin_user_gauge", &labels, gauge.value().to_string()),
                Metric::Distribution(distribution) => {
                    let value = distribution.value();
                    line("gauge", "purlin_user_distribution_count", &labels, value.count.to_string());
                    line("gauge", "purlin_user_distribution_sum", &labels, value.sum.to_string());
                }
            }
        }
        by_metric(&text)
    }
}

/// Samples of one metric belong together, behind its type, which is said once.
fn by_metric(text: &str) -> String {
    let mut metrics: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut lines = text.lines();
    while let (Some(kind), Some(sample)) = (lines.next(), lines.next()) {
        match metrics.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, samples)) => samples.push(sample),
            None => metrics.push((kind, vec![sample])),
        }
    }
    let lines = metrics.into_iter().flat_map(|(kind, samples)| std::iter::once(kind).chain(samples));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

fn seconds(at: Timestamp) -> String {
    match at {
        Timestamp::MIN => "-Inf".into(),
        Timestamp::MAX => "+Inf".into(),
        _ => format!("{:.3}", at.millis() as f64 / 1000.0),
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
