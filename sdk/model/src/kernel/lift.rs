//! Lifting: combining before the shuffle, within a bundle; and the two forms in which values then arrive at the grouping.

use std::marker::PhantomData;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde::{Deserialize, Serialize};

use super::hash::hash_of;
use super::{Operator, SideInputs};
use crate::bundle::{AnyBundle, Bundle, ElementSides};
use crate::combine::CombineFn;
use crate::window::WindowSet;
use crate::{BoxError, Element, Key, Pane};

/// An accumulator on its way to the grouping, with how many elements it stands for: what is late is counted in elements.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lifted<A> {
    /// What was combined.
    pub accumulator: A,
    /// From how many elements.
    pub elements: u64,
}

/// A form in which values arrive at a grouping by `C`.
pub(super) trait Arriving<V, C: CombineFn<V>>: 'static {
    /// What arrives beside the key.
    type Item: Element;
    /// The accumulator that holds just `item`.
    fn first(item: Self::Item, combiner: &C) -> C::Accumulator;
    /// Adds `item` to an accumulator.
    fn fold(item: Self::Item, combiner: &C, into: &mut C::Accumulator);
}

/// Raw values.
pub(super) struct Raw;

impl<V: Element, C: CombineFn<V>> Arriving<V, C> for Raw {
    type Item = V;

    #[inline]
    fn first(item: V, combiner: &C) -> C::Accumulator {
        let mut accumulator = combiner.create();
        combiner.add_owned(&mut accumulator, item);
        accumulator
    }

    #[inline]
    fn fold(item: V, combiner: &C, into: &mut C::Accumulator) {
        combiner.add_owned(into, item);
    }
}

/// Accumulators that were lifted.
pub(super) struct Combined;

impl<V: Element, C: CombineFn<V>> Arriving<V, C> for Combined {
    type Item = Lifted<C::Accumulator>;

    #[inline]
    fn first(item: Self::Item, _combiner: &C) -> C::Accumulator {
        item.accumulator
    }

    #[inline]
    fn fold(item: Self::Item, combiner: &C, into: &mut C::Accumulator) {
        combiner.merge(into, item.accumulator);
    }
}

/// Combines the elements of a bundle per (set of windows, key): those that lie in the same windows, so that none is folded twice.
///
/// Sound only where nothing can observe it: the trigger looks only at the watermark, windows do not merge, and panes
/// are stamped with the end of their window.
///
/// Where most of a bundle's (windows, key) pairs are distinct, combining costs more than it saves: then bundles pass as they are, and only now
/// and then one is tried again.
pub(super) struct Lift<K, V, C: CombineFn<V>> {
    combiner: Arc<C>,
    table: HashTable<(WindowSet, K, Lifted<C::Accumulator>)>,
    bundles_to_pass: u32,
    /// Memory that is used anew for each bundle that passes.
    passing: Bundle<(K, Lifted<C::Accumulator>)>,
    of: PhantomData<fn(V)>,
}

/// From this share of distinct pairs on, a bundle is not worth combining.
const DISTINCT_PERCENT_MAX: usize = 75;
/// A bundle of fewer elements says nothing about the next.
const TELLING_BUNDLE: usize = 64;
/// How many bundles pass before one is tried again.
const PASSED_BEFORE_TRYING: u32 = 127;

impl<K: Key, V: Element, C: CombineFn<V>> Lift<K, V, C> {
    pub(super) fn new(combiner: Arc<C>) -> Self {
        Lift { combiner, table: HashTable::new(), bundles_to_pass: 0, passing: Bundle::new(), of: PhantomData }
    }

    #[inline]
    fn fold(&mut self, windows: WindowSet, key: K, value: &V) {
        let hash = |windows: &WindowSet, key: &K| hash_of(&(windows.first().start, windows.len(), key));
        let found = self.table.entry(
            hash(&windows, &key),
            |(held_windows, held, _)| *held_windows == windows && *held == key,
            |(held_windows, held, _)| hash(held_windows, held),
        );
        match found {
            Entry::Occupied(mut found) => {
                let (_, _, lifted) = found.get_mut();
                self.combiner.add(&mut lifted.accumulator, value);
                lifted.elements += 1;
            }
            Entry::Vacant(free) => {
                let mut accumulator = self.combiner.create();
                self.combiner.add(&mut accumulator, value);
                free.insert((windows, key, Lifted { accumulator, elements: 1 }));
            }
        }
    }
}

impl<K: Key, V: Element, C: CombineFn<V>> Operator for Lift<K, V, C> {
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        _sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        let input = input.downcast::<(K, V)>();
        let out: &mut Bundle<(K, Lifted<C::Accumulator>)> = outputs[0].downcast();
        if self.bundles_to_pass > 0 {
            self.bundles_to_pass -= 1;
            let combiner = &*self.combiner;
            let passing = &mut self.passing;
            input.map_into(passing, |(key, value)| {
                (key, Lifted { accumulator: <Raw as Arriving<V, C>>::first(value, combiner), elements: 1 })
            });
            // As of those that are combined; and one for all is less to move.
            if let Some(windows) = passing.sides().windows().constant() {
                passing.sides_mut().timestamps_mut().set(windows.first().max_timestamp());
            }
            out.append(passing);
            return Ok(());
        }
        let len = input.len();
        for ((key, value), sides) in input.drain() {
            if !sides.windows.is_empty() {
                self.fold(sides.windows, key, &value);
            }
        }
        if len >= TELLING_BUNDLE && self.table.len() * 100 > len * DISTINCT_PERCENT_MAX {
            self.bundles_to_pass = PASSED_BEFORE_TRYING;
        }
        for (windows, key, lifted) in self.table.drain() {
            let timestamp = windows.first().max_timestamp();
            let sides = ElementSides { timestamp, windows, pane: Pane::UNGROUPED };
            out.push((key, lifted), sides);
        }
        Ok(())
    }
}
