//! One thread's share of one partition of a grouping, in memory or as bytes.

use std::any::Any;
use std::mem::take;
use std::sync::Arc;

use super::Partial;
use super::entries::Entries;
use crate::window::WindowSet;
use crate::{BoxError, Element, Key};

/// Entries of one partition; `sets` says what the numbers of their sets of windows mean.
pub(super) struct Part<K, V, A> {
    pub(super) sets: Arc<Vec<WindowSet>>,
    pub(super) raw: Entries<K, V>,
    pub(super) folded: Entries<K, A>,
    /// Nearly every entry is a group of its own.
    pub(super) mostly_distinct: bool,
}

impl<K, V, A> Default for Part<K, V, A> {
    fn default() -> Self {
        Part { sets: Arc::default(), raw: Entries::default(), folded: Entries::default(), mostly_distinct: false }
    }
}

impl<K: Key, V: Element, A: Element> Partial for Part<K, V, A> {
    fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.folded.is_empty()
    }

    fn bytes(&self) -> usize {
        self.raw.len() * Entries::<K, V>::ENTRY_BYTES + self.folded.len() * Entries::<K, A>::ENTRY_BYTES
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        // Only the sets that stand here: those of all parts, in each part, would be too many.
        let mut own: Vec<u32> = self.raw.runs().chain(self.folded.runs()).map(|(set, _)| set).collect();
        own.sort_unstable();
        own.dedup();
        let sets: Vec<WindowSet> = own.iter().map(|set| self.sets[*set as usize]).collect();
        let number = |set: u32| own.partition_point(|known| *known < set) as u32;
        let mut bytes = postcard::to_extend(&sets, take(into))?;
        bytes = self.raw.encode(number, bytes)?;
        bytes = self.folded.encode(number, bytes)?;
        *into = bytes;
        Ok(())
    }

    fn decode(&mut self, from: &[u8]) -> Result<(), BoxError> {
        let (sets, rest): (Vec<WindowSet>, _) = postcard::take_from_bytes(from)?;
        let base = self.sets.len() as u32;
        Arc::make_mut(&mut self.sets).extend(sets);
        let rest = self.raw.decode(base, rest)?;
        self.folded.decode(base, rest)?;
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
