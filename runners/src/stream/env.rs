//! `Env`: all that the streaming engine asks of the world outside.
//!
//! Architecture invariant: nothing else under `stream` reads a clock, sleeps, spawns, or makes a channel.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;

use super::channel::{self, Receiver, Sender};

/// Clock, sleep, spawning and channels.
pub trait Env: Send + Sync + 'static {
    /// Processing time, in milliseconds since the epoch: the machine's clock, which may be set forward and back.
    fn now_ms(&self) -> i64;
    /// Milliseconds since some moment, for spans: no setting of a clock touches it.
    fn steady_ms(&self) -> i64 {
        self.now_ms()
    }
    /// Waits for a span of processing time.
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()>;
    /// Waits for a span of the time of those whom calls wait for: the same, unless processing time is a script's.
    fn sleep_outside(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.sleep(span)
    }
    /// Runs a task concurrently.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// A channel from one task to another that holds at most `bound` messages.
    fn channel(&self, bound: usize) -> (Sender, Receiver) {
        channel::bounded(bound)
    }
}

/// The real world, by tokio.
pub struct TokioEnv {
    runtime: tokio::runtime::Handle,
    began: Instant,
}

impl TokioEnv {
    /// Tasks are spawned on `runtime`.
    pub fn new(runtime: tokio::runtime::Handle) -> Self {
        TokioEnv { runtime, began: Instant::now() }
    }
}

impl Env for TokioEnv {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn steady_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }
}
