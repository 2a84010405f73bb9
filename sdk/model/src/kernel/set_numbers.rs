//! Numbers for sets of windows: elements that lie in the same windows are kept together, under one number.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::window::{Window, WindowSet};

/// How many sets are found without hashing them: input is mostly in order of time, so few are in use at once.
const RECENT: usize = 64;

/// Numbers from 0 on.
pub(super) struct SetNumbers {
    numbers: HashMap<WindowSet, u32, FixedState>,
    sets: Vec<WindowSet>,
    /// Each at a place that its first window tells.
    recent: Vec<Option<(WindowSet, u32)>>,
}

impl SetNumbers {
    /// Numbers for about so many sets.
    pub(super) fn with_capacity(sets: usize) -> Self {
        let numbers = HashMap::with_capacity_and_hasher(sets, FixedState::default());
        SetNumbers { numbers, sets: Vec::with_capacity(sets), recent: vec![None; RECENT] }
    }

    /// The set's number.
    #[inline]
    pub(super) fn of(&mut self, set: WindowSet) -> u32 {
        let Window { start, end, tag } = set.first();
        let by =
            (start.millis() as u64).wrapping_add(end.millis() as u64).wrapping_add(tag).wrapping_add(set.len() as u64);
        let place = (by.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % RECENT;
        match &self.recent[place] {
            Some((recent, number)) if *recent == set => *number,
            _ => self.find(set, place),
        }
    }

    fn find(&mut self, set: WindowSet, place: usize) -> u32 {
        let sets = &mut self.sets;
        let number = *self.numbers.entry(set).or_insert_with(|| {
            sets.push(set);
            sets.len() as u32 - 1
        });
        self.recent[place] = Some((set, number));
        number
    }

    /// The sets in the order of their numbers.
    pub(super) fn into_sets(self) -> Vec<WindowSet> {
        self.sets
    }
}

impl Default for SetNumbers {
    fn default() -> Self {
        SetNumbers::with_capacity(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_set_keeps_its_number() {
        let set = |n: i64| {
            let window = Window::new(Timestamp::from_millis(n), Timestamp::from_millis(n + 10));
            WindowSet::run(window, 5, 1 + (n % 3) as u32)
        };
        let mut numbers = SetNumbers::default();
        for _ in 0..2 {
            assert!((0..1000).all(|n| numbers.of(set(n)) == n as u32));
        }
        assert_eq!(numbers.into_sets(), (0..1000).map(set).collect::<Vec<_>>());
    }
}
