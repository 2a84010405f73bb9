//! The groups of one partition whose windows overlap: what elements of the same windows have come to is a slice, and a window's groups
//! are made of its slices' accumulators.
//!
//! Slices move through the windows in order of time, and the queues of the keys that have something in them move along: an advance costs what is
//! emitted. A key without anything in the windows at hand waits with the next slice in which it has.

use std::marker::PhantomData;
use std::sync::Arc;

use super::aggregator::Groups;
use super::groups::{Sharing, sides_of};
use super::queues::Queues;
use super::shares::Shares;
use super::slices::Slices;
use crate::bundle::{AnyBundle, Bundle};
use crate::combine::CombineFn;
use crate::{Element, Key};

/// Slices move through the windows, from the earliest to the last.
pub(super) struct SlidingGroups<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    keeps_values: bool,
    slices: Slices,
    queues: Queues<K, C::Accumulator>,
    /// The first of the keys that wait for each slice.
    waiting: Vec<Option<u32>>,
    /// Keys with something in the windows at hand.
    active: Vec<u32>,
    /// The window at hand, the slices that begin by it, and those that end before it.
    window: i64,
    begun: u32,
    ended: u32,
    /// How many of the active keys have been emitted.
    emitted: usize,
    of: PhantomData<fn(V)>,
}

impl<K: Key, V: Element, C: CombineFn<V>> SlidingGroups<K, V, C> {
    /// The groups of entries whose sets are `slices`.
    pub(super) fn new(
        combiner: Arc<C>,
        keeps_values: bool,
        shares: Shares<K, V, C::Accumulator>,
        slices: Slices,
    ) -> Self {
        let queues = Queues::of::<V, C>(&combiner, shares, &slices);
        let mut groups = SlidingGroups {
            combiner,
            keeps_values,
            waiting: vec![None; slices.slices.len()],
            slices,
            queues,
            active: Vec::new(),
            window: -1,
            begun: 0,
            ended: 0,
            emitted: 0,
            of: PhantomData,
        };
        (0..groups.queues.keys.len() as u32).for_each(|key| groups.wait(key));
        groups.next_window();
        groups
    }

    /// Moves to the next window that holds anything; `false` if there is none.
    fn next_window(&mut self) -> bool {
        let Self { slices, waiting, active, queues, .. } = self;
        let stretch = |slice: u32| slices.slices.get(slice as usize).map(|(windows, _)| windows);
        self.window += 1;
        while self.ended < self.begun && stretch(self.ended).is_some_and(|windows| windows.end <= self.window) {
            self.ended += 1;
        }
        if self.ended == self.begun {
            let Some(next) = stretch(self.begun) else { return false };
            self.window = next.start;
        }
        while stretch(self.begun).is_some_and(|windows| windows.start <= self.window) {
            let mut waits = waiting[self.begun as usize].take();
            while let Some(key) = waits {
                active.push(key);
                waits = queues.keys[key as usize].waits_before.take();
            }
            self.begun += 1;
        }
        self.emitted = 0;
        true
    }

    /// A key that has nothing in the windows at hand waits for the next slice in which it has.
    fn wait(&mut self, key: u32) {
        let queue = &self.queues.keys[key as usize];
        if queue.back < queue.end {
            let waiting = &mut self.waiting[self.queues.slice(queue.back) as usize];
            self.queues.keys[key as usize].waits_before = waiting.replace(key);
        }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>> Groups for SlidingGroups<K, V, C> {
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool {
        let out: &mut Bundle<(K, C::Output)> = out.downcast();
        let mut sharing = Sharing::of_bundle(limit);
        // What is left of a large window has its bundle for itself.
        let in_middle = self.emitted > 0;
        loop {
            if !sharing.takes(out.len(), self.active.len()) {
                return true;
            }
            let before = out.len();
            while let Some(key) = self.active.get(self.emitted).copied() {
                if out.len() == limit {
                    break;
                }
                if self.queues.move_on::<V, C>(key, self.begun, self.ended, self.keeps_values, &self.combiner) {
                    let group = self.queues.merged::<V, C>(key, self.keeps_values, &self.combiner);
                    let key = self.queues.keys[key as usize].key.clone();
                    out.values_mut().push((key, self.combiner.extract(group)));
                    self.emitted += 1;
                } else {
                    self.active.swap_remove(self.emitted);
                    self.wait(key);
                }
            }
            out.note_appended(before, sides_of(self.slices.window(self.window)));
            if self.emitted < self.active.len() {
                return true;
            }
            if !self.next_window() {
                return false;
            }
            if in_middle {
                return true;
            }
        }
    }
}
