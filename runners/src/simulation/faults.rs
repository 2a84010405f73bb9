//! What may go wrong with a request to something outside, and how likely.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::world::World;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Out of a thousand requests, how many never arrive.
    pub lost_requests: u32,
    /// Out of a thousand requests, of how many the answer never arrives, though they are carried out.
    pub lost_replies: u32,
    /// Out of a thousand writes to the storage, how many are carried out long after whoever asked was told that they had failed.
    pub late_writes: u32,
    /// Out of a thousand writes to the storage, how many fail and leave part of a file.
    pub torn_writes: u32,
    /// The longest that a request takes each way.
    pub slowness: Duration,
    /// The longest that a source is silent.
    pub silence: Duration,
    /// Out of a thousand looks at the clock, before how many it is set to another time.
    pub clock_jumps: u32,
    /// How often logs are cut at their start, at most: behind what is committed, as retention does that is long enough.
    pub cuts: u32,
    /// How often the job is asked to stop, and started again, at most.
    pub stops: u32,
    /// How many processes are killed, at most.
    pub kills: u32,
    /// Out of a hundred kills, how many are none: the process is only paused, and goes on when its successor is at work.
    pub zombies: u32,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults = Faults {
        lost_requests: 0,
        lost_replies: 0,
        late_writes: 0,
        torn_writes: 0,
        slowness: Duration::ZERO,
        silence: Duration::ZERO,
        clock_jumps: 0,
        cuts: 0,
        stops: 0,
        kills: 0,
        zombies: 0,
    };

    /// Much goes wrong.
    pub const MANY: Faults = Faults {
        lost_requests: 15,
        lost_replies: 15,
        late_writes: 10,
        torn_writes: 10,
        slowness: Duration::from_millis(200),
        silence: Duration::from_secs(5),
        clock_jumps: 5,
        cuts: 3,
        stops: 2,
        kills: 4,
        zombies: 30,
    };
}

/// How a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    /// It is not carried out, and whoever asked hears so or hears nothing.
    Lost,
    /// It is carried out, and whoever asked does not hear of it.
    Unanswered,
    /// It is carried out when whoever asked has long given up. Only writes to the storage can be so late: the log cluster knows its
    /// requests by epoch and sequence.
    Late,
    /// It fails half-way.
    Torn,
}

/// The network between the engine and one thing outside.
#[derive(Clone)]
pub(super) struct Network {
    world: World,
    faults: Faults,
    /// How many faults may still happen: in the end all goes well, or no run would end.
    left: Arc<AtomicU32>,
    /// How many requests there were, and answers.
    travels: Arc<AtomicU64>,
}

impl Network {
    pub(super) fn new(world: World, faults: Faults) -> Self {
        let left = world.random(|random| random.u32(0..40));
        Network { world, faults, left: Arc::new(AtomicU32::new(left)), travels: Arc::default() }
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// The longest that a source is silent.
    pub(super) fn silence(&self) -> Duration {
        self.faults.silence
    }

    /// How many requests there were so far, and answers.
    pub(super) fn travels(&self) -> u64 {
        self.travels.load(Ordering::Relaxed)
    }

    /// The way there or back.
    pub(super) async fn travel(&self) {
        self.travels.fetch_add(1, Ordering::Relaxed);
        let longest = u64::try_from(self.faults.slowness.as_millis()).unwrap_or(u64::MAX);
        // Most are fast.
        let span = self.world.random(|random| if random.bool() { 0 } else { random.u64(0..=longest) });
        self.world.sleep(Duration::from_millis(span)).await;
    }

    /// What becomes of the next request.
    pub(super) fn fate(&self) -> Fate {
        let Faults { lost_requests, lost_replies, .. } = self.faults;
        self.draw([(lost_requests, Fate::Lost), (lost_replies, Fate::Unanswered)])
    }

    /// What becomes of the next write to the storage.
    pub(super) fn fate_of_write(&self) -> Fate {
        let Faults { lost_requests, lost_replies, late_writes, torn_writes, .. } = self.faults;
        self.draw([
            (lost_requests, Fate::Lost),
            (lost_replies, Fate::Unanswered),
            (late_writes, Fate::Late),
            (torn_writes, Fate::Torn),
        ])
    }

    /// One of these fates, each with so many chances out of a thousand; else it arrives.
    fn draw<const N: usize>(&self, fates: [(u32, Fate); N]) -> Fate {
        let mut drawn = self.world.random(|random| random.u32(0..1000));
        let drawn = fates.into_iter().find(|(share, _)| {
            let is_it = drawn < *share;
            drawn = drawn.saturating_sub(*share);
            is_it
        });
        let Some((_, fate)) = drawn else { return Fate::Arrives };
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if spent.is_ok() { fate } else { Fate::Arrives }
    }
}
