//! Stopping a streaming pipeline from outside.

use std::sync::Arc;

use tokio::sync::watch;

/// How a pipeline ends before its sources do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Stop reading, finish what was read; windows that are open are not emitted.
    Stop,
    /// Stop reading, then send the watermark to infinity: every open window is emitted.
    Drain,
}

/// Stops or drains a pipeline; clones act on the same one.
#[derive(Clone)]
pub struct StopHandle {
    mode: Arc<watch::Sender<Option<StopMode>>>,
}

impl StopHandle {
    pub(crate) fn new() -> Self {
        StopHandle { mode: Arc::new(watch::Sender::new(None)) }
    }

    /// Ends the pipeline; the first call counts.
    pub fn stop(&self, mode: StopMode) {
        self.mode.send_if_modified(|current| current.is_none() && current.replace(mode).is_none());
    }

    /// How the pipeline is to end, if it is to end by now.
    pub(crate) fn mode(&self) -> Option<StopMode> {
        *self.mode.borrow()
    }

    /// Waits until the pipeline is to end.
    pub(super) async fn stopped(&self) -> StopMode {
        let mut changes = self.mode.subscribe();
        loop {
            if let Some(mode) = *changes.borrow_and_update() {
                return mode;
            }
            if changes.changed().await.is_err() {
                return StopMode::Stop;
            }
        }
    }
}
