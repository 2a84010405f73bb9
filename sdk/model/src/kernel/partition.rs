//! One thread's share of one partition of a grouping, in memory or as bytes.

use std::any::Any;
use std::mem::size_of;

use super::{Partial, hash::hash_of};
use crate::window::Window;
use crate::{BoxError, Element, Key};

/// Entries `(hash, window number, key, value or accumulator)`; `windows` says what the numbers mean.
pub(super) struct Part<K, V, A> {
    pub(super) windows: Vec<Window>,
    pub(super) raw: Vec<(u32, u32, K, V)>,
    pub(super) folded: Vec<(u32, u32, K, A)>,
}

impl<K, V, A> Part<K, V, A> {
    pub(super) const RAW_BYTES: usize = size_of::<(u32, u32, K, V)>();
    pub(super) const FOLDED_BYTES: usize = size_of::<(u32, u32, K, A)>();
}

impl<K, V, A> Default for Part<K, V, A> {
    fn default() -> Self {
        Part { windows: Vec::new(), raw: Vec::new(), folded: Vec::new() }
    }
}

impl<K: Key, V: Element, A: Element> Partial for Part<K, V, A> {
    fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.folded.is_empty()
    }

    fn bytes(&self) -> usize {
        self.raw.len() * Self::RAW_BYTES + self.folded.len() * Self::FOLDED_BYTES
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        let mut bytes = std::mem::take(into);
        bytes = postcard::to_extend(&self.windows, bytes)?;
        bytes = postcard::to_extend(&(self.raw.len(), self.folded.len()), bytes)?;
        for (_, window, key, value) in &self.raw {
            bytes = postcard::to_extend(&(window, key, value), bytes)?;
        }
        for (_, window, key, accumulator) in &self.folded {
            bytes = postcard::to_extend(&(window, key, accumulator), bytes)?;
        }
        *into = bytes;
        Ok(())
    }

    fn decode(&mut self, from: &[u8]) -> Result<(), BoxError> {
        let (windows, rest): (Vec<Window>, _) = postcard::take_from_bytes(from)?;
        let ((raw, folded), mut rest): ((usize, usize), _) = postcard::take_from_bytes(rest)?;
        let base = self.windows.len() as u32;
        self.windows.extend(windows);
        for _ in 0..raw {
            let ((window, key, value), after): ((u32, K, V), _) = postcard::take_from_bytes(rest)?;
            self.raw.push((hash_of(&key) as u32, base + window, key, value));
            rest = after;
        }
        for _ in 0..folded {
            let ((window, key, accumulator), after): ((u32, K, A), _) = postcard::take_from_bytes(rest)?;
            self.folded.push((hash_of(&key) as u32, base + window, key, accumulator));
            rest = after;
        }
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
