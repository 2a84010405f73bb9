//! What may go wrong with a request to something outside, and how likely.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::world::World;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Out of a thousand requests, how many never arrive.
    pub lost_requests: u32,
    /// Out of a thousand requests, of how many the answer never arrives, though they are carried out.
    pub lost_replies: u32,
    /// The longest that a request takes each way.
    pub slowness: Duration,
    /// How many processes are killed, at most.
    pub kills: u32,
    /// Out of a hundred kills, how many are none: the process is only paused, and goes on when its successor is at work.
    pub zombies: u32,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults =
        Faults { lost_requests: 0, lost_replies: 0, slowness: Duration::ZERO, kills: 0, zombies: 0 };

    /// Much goes wrong.
    pub const MANY: Faults =
        Faults { lost_requests: 15, lost_replies: 15, slowness: Duration::from_millis(200), kills: 4, zombies: 30 };
}

/// How a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    /// It is not carried out, and whoever asked hears so or hears nothing.
    Lost,
    /// It is carried out, and whoever asked does not hear of it.
    Unanswered,
}

/// The network between the engine and one thing outside.
#[derive(Clone)]
pub(super) struct Network {
    world: World,
    faults: Faults,
    /// How many faults may still happen: in the end all goes well, or no run would end.
    left: Arc<AtomicU32>,
}

impl Network {
    pub(super) fn new(world: World, faults: Faults) -> Self {
        let left = world.random(|random| random.u32(0..40));
        Network { world, faults, left: Arc::new(AtomicU32::new(left)) }
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// The way there or back.
    pub(super) async fn travel(&self) {
        let longest = u64::try_from(self.faults.slowness.as_millis()).unwrap_or(u64::MAX);
        // Most are fast.
        let span = self.world.random(|random| if random.bool() { 0 } else { random.u64(0..=longest) });
        self.world.sleep(Duration::from_millis(span)).await;
    }

    /// What becomes of the next request.
    pub(super) fn fate(&self) -> Fate {
        let Faults { lost_requests, lost_replies, .. } = self.faults;
        let drawn = self.world.random(|random| random.u32(0..1000));
        let fate = match drawn {
            n if n < lost_requests => Fate::Lost,
            n if n < lost_requests + lost_replies => Fate::Unanswered,
            _ => return Fate::Arrives,
        };
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if spent.is_ok() { fate } else { Fate::Arrives }
    }
}
