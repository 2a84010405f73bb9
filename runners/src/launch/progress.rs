//! What a person at a terminal sees: a progress bar for batch, a status line for streaming.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::options::{LaunchOptions, RunnerKind};
use crate::observe::Observer;

const REDRAW_EVERY: Duration = Duration::from_millis(200);
/// A run that is over sooner shows no bar at all.
const QUIET_AT_FIRST: Duration = Duration::from_millis(400);

/// A line that redraws itself until dropped.
pub(super) struct Bar {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the line, if standard error is a terminal.
pub(super) fn start(options: &LaunchOptions, observer: Arc<Observer>) -> Option<Bar> {
    if options.quiet || options.runner == RunnerKind::Reference || !std::io::stderr().is_terminal() {
        return None;
    }
    let streaming = options.runner == RunnerKind::Stream;
    let (end, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        if ended.recv_timeout(QUIET_AT_FIRST) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = if streaming { "{msg}" } else { "{bar:24} {pos}/{len}  {msg}" };
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut before = (0, 0);
        loop {
            let now = (observer.elements_read(), observer.elements_written());
            let rate = |now: u64, before: u64| HumanCount((now - before) * 1000 / REDRAW_EVERY.as_millis() as u64);
            let rates = format!("read {}/s  written {}/s", rate(now.0, before.0), rate(now.1, before.1));
            before = now;
            if streaming {
                bar.set_message(format!("{rates}  {}", watermark_line(&observer)));
            } else if let Some((stage, done, tasks)) = observer.progress() {
                bar.set_length(tasks as u64);
                bar.set_position(done as u64);
                bar.set_message(format!("stage {} of {}: {}  {rates}", stage.number + 1, stage.of, stage.name));
            }
            bar.tick();
            if ended.recv_timeout(REDRAW_EVERY) != Err(RecvTimeoutError::Timeout) {
                bar.finish_and_clear();
                return;
            }
        }
    });
    Some(Bar { end: Some(end), thread: Some(thread) })
}

/// Lag, watermark, and what holds it back.
fn watermark_line(observer: &Observer) -> String {
    let splits = observer.splits();
    let lags: Vec<u64> = splits.iter().filter_map(|(_, report)| report.lag).collect();
    let lag = if lags.is_empty() { String::new() } else { format!("lag {}  ", HumanCount(lags.iter().sum())) };
    let watermark = match observer.held() {
        Some(held) => held.to_string(),
        None if splits.is_empty() => "starting".to_string(),
        None if splits.iter().any(|(_, report)| report.status != "finished") => {
            "all inputs idle; the watermark waits for data".to_string()
        }
        None => "input ended".to_string(),
    };
    format!("{lag}{watermark}")
}
