//! The groups of one partition, made as they are emitted: window after window in event time, as on a stream, so that what is written of
//! a key stands in that order.

use std::cmp::Reverse;
use std::mem::{replace, take};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, IntoIter};

use super::aggregator::Groups;
use super::hash::hash_of;
use super::lift::{Arriving, Raw};
use super::shares::Shares;
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::combine::CombineFn;
use crate::window::{Window, WindowSet};
use crate::{Element, Key, Pane};

/// A window of fewer groups than this part of the limit shares its bundle with others. Larger ones do not: side columns
/// that vary cost more than another bundle.
const SMALL_SHARE: usize = 16;

/// Which windows share a bundle.
pub(super) struct Sharing {
    limit: usize,
    all_small: bool,
}

impl Sharing {
    /// A bundle of at most `limit` groups, unless one window has more.
    pub(super) fn of_bundle(limit: usize) -> Self {
        Sharing { limit, all_small: true }
    }

    /// Whether a window of `groups` may go behind the `held` groups of others.
    pub(super) fn takes(&mut self, held: usize, groups: usize) -> bool {
        let is_small = groups * SMALL_SHARE < self.limit;
        let takes = held == 0 || self.all_small && is_small && held + groups <= self.limit;
        self.all_small &= is_small;
        takes
    }
}

/// Window after window is grouped in one table, which is used again and so stays in the cache.
pub(super) struct TypedGroups<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    shares: Shares<K, V, C::Accumulator>,
    /// Each window that is still to be grouped with each of its sets: the latest first, for the last comes next.
    windows: Vec<SetOf>,
    table: HashTable<(K, C::Accumulator)>,
    /// The groups of a window that has more than one bundle takes.
    emitting: Option<(Window, IntoIter<(K, C::Accumulator)>)>,
}

/// A set of windows as one that a window consists of.
struct SetOf {
    window: Window,
    set: u32,
    /// No later window has it.
    is_last: bool,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedGroups<K, V, C> {
    pub(super) fn new(combiner: Arc<C>, shares: Shares<K, V, C::Accumulator>) -> Self {
        let of_set = |(set, windows): (u32, &WindowSet)| windows.iter().map(move |window| (window, set));
        let mut windows: Vec<(Window, u32)> = (0..).zip(&shares.sets).flat_map(of_set).collect();
        windows.sort_unstable_by_key(|(window, _)| Reverse((window.end, window.start, window.tag)));
        let mut seen = vec![false; shares.sets.len()];
        let with_last = |(window, set)| SetOf { window, set, is_last: !replace(&mut seen[set as usize], true) };
        let windows = windows.into_iter().map(with_last).collect();
        TypedGroups { combiner, shares, windows, table: HashTable::new(), emitting: None }
    }

    /// The window that comes next, with where its sets begin.
    fn next(&self) -> Option<(Window, usize)> {
        let next = self.windows.last()?.window;
        Some((next, self.windows.iter().rposition(|set| set.window != next).map_or(0, |before| before + 1)))
    }

    /// How many entries the next window has.
    fn next_len(&self) -> usize {
        let sets = self.next().map_or(&[][..], |(_, begin)| &self.windows[begin..]);
        sets.iter().map(|set| self.shares.raw.len(set.set) + self.shares.folded.len(set.set)).sum()
    }

    /// Groups the next window, if there is one; the table is empty.
    fn group_next(&mut self) -> Option<Window> {
        // Where keys repeat, entries say little about groups: then the table grows as it must.
        let groups = if self.shares.mostly_distinct { self.next_len() } else { 0 };
        let (window, begin) = self.next()?;
        let Self { combiner, table, windows, shares: Shares { raw, folded, .. }, .. } = self;
        table.reserve(groups, |(held, _)| spread(hash_of(held) as u32));
        for SetOf { set, is_last, .. } in windows.drain(begin..) {
            let add = |hash, key, value| match place(table, hash, &key) {
                Entry::Occupied(mut found) => combiner.add_owned(&mut found.get_mut().1, value),
                Entry::Vacant(free) => {
                    free.insert((key, <Raw as Arriving<V, C>>::first(value, combiner)));
                }
            };
            if is_last {
                raw.drain(set, add)
            } else {
                raw.copy(set, add)
            }
            let merge = |hash, key, accumulator| match place(table, hash, &key) {
                Entry::Occupied(mut found) => combiner.merge(&mut found.get_mut().1, accumulator),
                Entry::Vacant(free) => {
                    free.insert((key, accumulator));
                }
            };
            if is_last { folded.drain(set, merge) } else { folded.copy(set, merge) }
        }
        Some(window)
    }
}

#[inline]
fn place<'a, K: Key, A>(table: &'a mut HashTable<(K, A)>, hash: u32, key: &K) -> Entry<'a, (K, A)> {
    table.entry(spread(hash), |(held, _)| held == key, |(held, _)| spread(hash_of(held) as u32))
}

/// The lower half of a hash, spread over all bits again: tables go by the lowest and by the highest.
#[inline]
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<K: Key, V: Element, C: CombineFn<V>> Groups for TypedGroups<K, V, C> {
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool {
        let out: &mut Bundle<(K, C::Output)> = out.downcast();
        let mut sharing = Sharing::of_bundle(limit);
        loop {
            if let Some((window, groups)) = &mut self.emitting {
                let some = groups.by_ref().take(limit);
                out.extend_with(some.map(|(key, group)| (key, self.combiner.extract(group))), sides_of(*window));
                if groups.len() != 0 {
                    return true;
                }
                self.emitting = None;
                return !self.windows.is_empty();
            }
            if !sharing.takes(out.len(), self.next_len()) {
                return !self.windows.is_empty();
            }
            let Some(window) = self.group_next() else { return false };
            if self.table.len() > limit {
                self.emitting = Some((window, take(&mut self.table).into_iter()));
            } else {
                let all = self.table.drain();
                out.extend_with(all.map(|(key, group)| (key, self.combiner.extract(group))), sides_of(window));
            }
        }
    }
}

/// What belongs to the one pane of a window.
#[inline]
pub(super) fn sides_of(window: Window) -> ElementSides {
    ElementSides { timestamp: window.max_timestamp(), windows: WindowSet::one(window), pane: Pane::ON_TIME_AND_ONLY }
}
