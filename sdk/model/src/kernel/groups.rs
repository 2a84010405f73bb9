//! The groups of one partition, made as they are emitted: window after window in event time, as on a stream, so that what is written of
//! a key stands in that order.

use std::cmp::Reverse;
use std::mem::take;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, IntoIter};

use super::aggregator::{Groups, Partial};
use super::by_window::ByWindow;
use super::hash::hash_of;
use super::lift::{Arriving, Raw};
use super::partition::Part;
use super::window_numbers::WindowNumbers;
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::combine::CombineFn;
use crate::window::{Window, WindowSet};
use crate::{Element, Key, Pane};

/// A window of fewer groups than this part of the limit shares its bundle with others. Larger ones do not: side columns
/// that vary cost more than another bundle.
const SMALL_SHARE: usize = 16;

/// Window after window is grouped in one table, which is used again and so stays in the cache.
pub(super) struct TypedGroups<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    /// Those that are still to be grouped, with their numbers: the latest first, for the last comes next.
    windows: Vec<(Window, usize)>,
    raw: ByWindow<K, V>,
    folded: ByWindow<K, C::Accumulator>,
    mostly_distinct: bool,
    table: HashTable<(K, C::Accumulator)>,
    /// The groups of a window that has more than one bundle takes.
    emitting: Option<(Window, IntoIter<(K, C::Accumulator)>)>,
}

impl<K: Key, V: Element, C: CombineFn<V>> TypedGroups<K, V, C> {
    pub(super) fn merging(combiner: Arc<C>, partials: Vec<Box<dyn Partial>>) -> Self {
        let mut numbers = WindowNumbers::default();
        let mut windows = Vec::new();
        let (mut raw, mut folded) = (Vec::new(), Vec::new());
        let mut mostly_distinct = true;
        for partial in partials {
            let part: Part<K, V, C::Accumulator> =
                *partial.into_any().downcast().expect("partials come from aggregators of this grouping");
            // From the part's numbers to ours; of windows without entries here, to none.
            let mut renumbered = vec![u32::MAX; part.windows.len()];
            for (window, _) in part.raw.runs().chain(part.folded.runs()) {
                let (renumbered, window) = (&mut renumbered[window as usize], part.windows[window as usize]);
                if *renumbered == u32::MAX {
                    let (number, is_new) = numbers.of(window);
                    windows.extend(is_new.then_some((window, number as usize)));
                    *renumbered = number;
                }
            }
            let renumbered = Arc::new(renumbered);
            raw.push((part.raw, renumbered.clone()));
            folded.push((part.folded, renumbered));
            mostly_distinct &= part.mostly_distinct;
        }
        let (raw, folded) = (ByWindow::new(raw, windows.len()), ByWindow::new(folded, windows.len()));
        windows.sort_unstable_by_key(|(window, _)| Reverse((window.end, window.start, window.tag)));
        TypedGroups { combiner, windows, raw, folded, mostly_distinct, table: HashTable::new(), emitting: None }
    }

    /// How many entries the next window has.
    fn next_len(&self) -> usize {
        self.windows.last().map_or(0, |(_, next)| self.raw.len(*next) + self.folded.len(*next))
    }

    /// Groups the next window, if there is one; the table is empty.
    fn group_next(&mut self) -> Option<Window> {
        // The lower half of a hash, spread over all bits again: tables go by the lowest and by the highest.
        let spread = |hash: u32| u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rehash = |(held, _): &(K, C::Accumulator)| spread(hash_of(held) as u32);
        // Where keys repeat, entries say little about groups: then the table grows as it must.
        let groups = if self.mostly_distinct { self.next_len() } else { 0 };
        let (window, number) = self.windows.pop()?;
        let Self { combiner, table, .. } = self;
        table.reserve(groups, rehash);
        self.raw.drain(number, |hash, key, value| match table.entry(spread(hash), |(held, _)| *held == key, rehash) {
            Entry::Occupied(mut found) => combiner.add_owned(&mut found.get_mut().1, value),
            Entry::Vacant(free) => {
                free.insert((key, <Raw as Arriving<V, C>>::first(value, combiner)));
            }
        });
        self.folded.drain(number, |hash, key, accumulator| {
            match table.entry(spread(hash), |(held, _)| *held == key, rehash) {
                Entry::Occupied(mut found) => combiner.merge(&mut found.get_mut().1, accumulator),
                Entry::Vacant(free) => {
                    free.insert((key, accumulator));
                }
            }
        });
        Some(window)
    }
}

impl<K: Key, V: Element, C: CombineFn<V>> Groups for TypedGroups<K, V, C> {
    fn emit(&mut self, limit: usize, out: &mut dyn AnyBundle) -> bool {
        let out: &mut Bundle<(K, C::Output)> = out.downcast();
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
            let is_small = |len: usize| len * SMALL_SHARE < limit;
            let fits = is_small(out.len()) && is_small(self.next_len());
            if !fits && !out.is_empty() {
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

fn sides_of(window: Window) -> ElementSides {
    ElementSides { timestamp: window.max_timestamp(), windows: WindowSet::one(window), pane: Pane::ON_TIME_AND_ONLY }
}
