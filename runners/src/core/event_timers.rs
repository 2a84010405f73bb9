//! Timers by event time, in the order in which they fire, and how far they hold the watermark back (SEMANTICS §8).
//!
//! Most timers hold it at the very time at which they fire. The first of these is the earliest such hold, so they need no hold of their own beside
//! their place in the order. Those that hold another time, or none, stand apart.

use std::collections::BTreeSet;

use purlin_model::Timestamp;
use purlin_model::kernel::{TimerId, TimerSetting};

/// When a timer fires, the number of its setting, and which it is.
pub(super) type Timers = BTreeSet<(i64, u64, TimerId)>;

/// The event timers of one shard.
#[derive(Default)]
pub(super) struct EventTimers {
    /// They hold the watermark at the time at which they fire.
    holding: Timers,
    others: Timers,
}

impl EventTimers {
    pub(super) fn is_empty(&self) -> bool {
        self.holding.is_empty() && self.others.is_empty()
    }

    /// The one that fires next.
    pub(super) fn first(&self) -> Option<(i64, u64, TimerId)> {
        self.holding.first().into_iter().chain(self.others.first()).min().copied()
    }

    /// The earliest time that one holds at which it fires.
    pub(super) fn earliest_hold(&self) -> Option<Timestamp> {
        self.holding.first().map(|(at_ms, ..)| Timestamp::from_millis(*at_ms))
    }

    pub(super) fn insert(&mut self, id: TimerId, setting: TimerSetting) {
        self.of(setting).insert((setting.at_ms, setting.version, id));
    }

    pub(super) fn remove(&mut self, id: TimerId, setting: TimerSetting) {
        self.of(setting).remove(&(setting.at_ms, setting.version, id));
    }

    fn of(&mut self, setting: TimerSetting) -> &mut Timers {
        if Self::holds_itself(setting) { &mut self.holding } else { &mut self.others }
    }

    /// Whether it holds the time at which it fires.
    pub(super) fn holds_itself(setting: TimerSetting) -> bool {
        setting.hold == Some(Timestamp::from_millis(setting.at_ms))
    }
}

#[cfg(test)]
mod tests {
    use purlin_model::kernel::SlotId;

    use super::*;

    #[test]
    fn all_fire_in_one_order_and_only_some_hold() {
        let id = TimerId { slot: SlotId(0), timer: 0, member: 0 };
        let at = Timestamp::from_millis;
        let setting = |at_ms, version, hold| TimerSetting { at_ms, version, hold };
        let all =
            [setting(5, 1, Some(at(5))), setting(5, 2, None), setting(3, 3, Some(at(1))), setting(9, 4, Some(at(9)))];
        let mut timers = EventTimers::default();
        all.iter().for_each(|setting| timers.insert(id, *setting));
        let mut fired = Vec::new();
        while let Some((_, version, _)) = timers.first() {
            fired.push((version, timers.earliest_hold()));
            timers.remove(id, all[version as usize - 1]);
        }
        assert_eq!(fired, [(3, Some(at(5))), (1, Some(at(5))), (2, Some(at(9))), (4, Some(at(9)))]);
        assert!(timers.is_empty());
    }
}
