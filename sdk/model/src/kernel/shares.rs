//! What all threads hold of one partition, brought together under one numbering of the sets of windows.

use std::sync::Arc;

use super::aggregator::Partial;
use super::by_set::BySet;
use super::partition::Part;
use super::set_numbers::SetNumbers;
use crate::window::WindowSet;
use crate::{Element, Key};

/// One partition's entries by the sets of windows that they lie in.
pub(super) struct Shares<K, V, A> {
    /// By number.
    pub(super) sets: Vec<WindowSet>,
    pub(super) raw: BySet<K, V>,
    pub(super) folded: BySet<K, A>,
    /// Nearly every entry is a group of its own.
    pub(super) mostly_distinct: bool,
}

impl<K: Key, V: Element, A: Element> Shares<K, V, A> {
    /// What `partials` hold.
    pub(super) fn of(partials: Vec<Box<dyn Partial>>) -> Self {
        let parts: Vec<Part<K, V, A>> = partials
            .into_iter()
            .map(|partial| *partial.into_any().downcast().expect("partials come from aggregators of this grouping"))
            .collect();
        let mut numbers = SetNumbers::with_capacity(parts.iter().map(|part| part.sets.len()).max().unwrap_or(0));
        let (mut raw, mut folded) = (Vec::new(), Vec::new());
        let mut mostly_distinct = true;
        for part in parts {
            // From the part's numbers to ours; of sets without entries here, to none.
            let mut renumbered = vec![u32::MAX; part.sets.len()];
            for (set, _) in part.raw.runs().chain(part.folded.runs()) {
                let (renumbered, set) = (&mut renumbered[set as usize], part.sets[set as usize]);
                if *renumbered == u32::MAX {
                    *renumbered = numbers.of(set);
                }
            }
            let renumbered = Arc::new(renumbered);
            raw.push((part.raw, renumbered.clone()));
            folded.push((part.folded, renumbered));
            mostly_distinct &= part.mostly_distinct;
        }
        let sets = numbers.into_sets();
        let (raw, folded) = (BySet::new(raw, sets.len()), BySet::new(folded, sets.len()));
        Shares { sets, raw, folded, mostly_distinct }
    }
}
