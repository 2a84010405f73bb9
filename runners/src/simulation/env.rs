//! The engine's world, simulated.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;

use super::world::{ProcessId, World};
use crate::stream::{Env, Receiver, Sender, bounded};

/// What one process sees of a world.
pub(super) struct SimulatedEnv {
    pub(super) world: World,
    pub(super) process: ProcessId,
    /// Out of a thousand looks at the clock, before how many it is set.
    pub(super) clock_jumps: u32,
    /// How far it is from the world's time.
    pub(super) offset_ms: AtomicI64,
}

/// The farthest that a clock is ever set from the world's time.
const FARTHEST_MS: i64 = 2 * 60 * 60 * 1000;

impl Env for SimulatedEnv {
    fn now_ms(&self) -> i64 {
        if self.world.random(|random| random.u32(0..1000)) < self.clock_jumps {
            let offset_ms = self.world.random(|random| random.i64(-FARTHEST_MS..=FARTHEST_MS));
            self.offset_ms.store(offset_ms, Ordering::Relaxed);
        }
        self.world.now_ms() + self.offset_ms.load(Ordering::Relaxed)
    }

    fn steady_ms(&self) -> i64 {
        self.world.now_ms()
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.world.sleep(span))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world.spawn(self.process, task);
    }

    fn channel(&self, bound: usize) -> (Sender, Receiver) {
        // Little room makes for more turns.
        bounded(self.world.random(|random| random.usize(1..=bound)))
    }
}
