//! The launcher's own thread: signals and the metrics endpoint.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use purlin_model::Failure;
use purlin_model::metrics::Metrics;
use tokio::signal::unix::{SignalKind, signal};

use super::metrics_server::MetricsServer;
use crate::observe::Observer;
use crate::stream::{StopHandle, StopMode};

/// What the conventional exit code of a process ended by SIGINT is.
const EXIT_INTERRUPTED: i32 = 130;

/// What signals act on.
pub(super) struct Signals {
    stop: StopHandle,
    drain: bool,
    cancel: Arc<AtomicBool>,
}

/// The thread's runtime; it ends with this value.
pub(super) struct Service {
    _runtime: tokio::runtime::Runtime,
}

impl Signals {
    pub(super) fn new(stop: StopHandle, drain: bool) -> Self {
        Signals { stop, drain, cancel: Arc::new(AtomicBool::new(false)) }
    }

    /// The flag that cancels a batch run.
    pub(super) fn cancel_flag(&self) -> Arc<AtomicBool> {
        self.cancel.clone()
    }

    /// Listens for signals, and for Prometheus where asked to.
    pub(super) fn serve(
        &self,
        listen: Option<SocketAddr>,
        observer: Arc<Observer>,
        metrics: Metrics,
        job: &str,
    ) -> Result<Service, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("purlin-service")
            .enable_all()
            .build()
            .map_err(Failure::other)?;
        if let Some(address) = listen {
            let server = runtime.block_on(MetricsServer::bind(address, observer, metrics, job.to_string()))?;
            runtime.spawn(server.serve());
        }
        let (stop, cancel) = (self.stop.clone(), self.cancel.clone());
        let mode = if self.drain { StopMode::Drain } else { StopMode::Stop };
        runtime.spawn(async move {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            let mut signals = 0;
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                signals += 1;
                if signals > 1 {
                    std::process::exit(EXIT_INTERRUPTED);
                }
                eprintln!("stopping; a second signal ends the program at once");
                cancel.store(true, Ordering::Relaxed);
                stop.stop(mode);
            }
        });
        Ok(Service { _runtime: runtime })
    }
}
