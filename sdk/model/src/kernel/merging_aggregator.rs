//! Aggregation of a bounded input whose windows grow together: what comes is scattered into partitions as it is, and each partition is
//! grouped once all is there.
//!
//! An element's window is its own, so it is kept as its start alone. Lengths and tags are few, mostly one: entries of one length and tag are
//! kept together, as those of one set of windows are elsewhere.

use std::mem::{replace, take};
use std::sync::Arc;

use super::aggregator::{Aggregator, Partial, empty_parts, partition_of};
use super::entries::Entries;
use super::hash::hash_of;
use super::partition::Part;
use super::set_numbers::SetNumbers;
use crate::bundle::{AnyBundle, Bundle};
use crate::window::{Window, WindowSet};
use crate::{Element, Key, Timestamp};

/// A value with the start of its window.
pub(super) type Starting<V> = (Timestamp, V);

/// One thread's share of one partition; nothing is folded before all is there.
pub(super) type MergingPart<K, V> = Part<K, Starting<V>, ()>;

/// One thread's share of a grouping whose windows merge.
pub(super) struct MergingAggregator<K, V> {
    shapes: SetNumbers,
    /// The shape of the last window, with its number.
    last: Option<(Window, u32)>,
    parts: Vec<Entries<K, Starting<V>>>,
    entries: usize,
}

impl<K: Key, V: Element> MergingAggregator<K, V> {
    pub(super) fn new() -> Self {
        MergingAggregator { shapes: SetNumbers::default(), last: None, parts: empty_parts(), entries: 0 }
    }

    #[inline]
    fn push(&mut self, window: Window, key: K, value: V) {
        let shape = shape_of(window);
        let number = match self.last {
            Some((last, number)) if last == shape => number,
            _ => self.number_of(shape),
        };
        let hash = hash_of(&key);
        self.parts[partition_of(hash)].push(hash as u32, number, key, (window.start, value));
    }

    fn number_of(&mut self, shape: Window) -> u32 {
        let number = self.shapes.of(WindowSet::one(shape));
        self.last = Some((shape, number));
        number
    }
}

impl<K: Key, V: Element> Aggregator for MergingAggregator<K, V> {
    fn add(&mut self, bundle: &mut dyn AnyBundle) {
        let bundle: &mut Bundle<(K, V)> = bundle.downcast();
        bundle.drain_by_windows(|set, elements| {
            self.entries += elements.len() * set.len();
            if let Some(window) = set.single() {
                return elements.for_each(|(key, value)| self.push(window, key, value));
            }
            for (key, value) in elements {
                set.iter().for_each(|window| self.push(window, key.clone(), value.clone()));
            }
        });
    }

    fn bytes(&self) -> usize {
        self.entries * Entries::<K, Starting<V>>::ENTRY_BYTES
    }

    fn take(&mut self) -> Vec<Box<dyn Partial>> {
        self.entries = 0;
        self.last = None;
        let sets = Arc::new(take(&mut self.shapes).into_sets());
        let part = |raw| MergingPart { sets: sets.clone(), raw, folded: Entries::default(), mostly_distinct: true };
        let parts = replace(&mut self.parts, empty_parts());
        parts.into_iter().map(|entries| Box::new(part(entries)) as Box<dyn Partial>).collect()
    }
}

/// A window without its place in time.
#[inline]
fn shape_of(Window { start, end, tag }: Window) -> Window {
    let length = end.millis().wrapping_sub(start.millis());
    Window { start: Timestamp::from_millis(0), end: Timestamp::from_millis(length), tag }
}

/// The window of this shape that starts at `start`.
#[inline]
pub(super) fn placed(shape: Window, start: Timestamp) -> Window {
    let end = start.millis().wrapping_add(shape.end.millis());
    Window { start, end: Timestamp::from_millis(end), tag: shape.tag }
}
