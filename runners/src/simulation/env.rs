//! The engine's world, simulated.

use std::time::Duration;

use futures::future::BoxFuture;

use super::world::{ProcessId, World};
use crate::stream::{Env, Receiver, Sender, bounded};

/// What one process sees of a world.
pub(super) struct SimulatedEnv {
    pub(super) world: World,
    pub(super) process: ProcessId,
}

impl Env for SimulatedEnv {
    fn now_ms(&self) -> i64 {
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
