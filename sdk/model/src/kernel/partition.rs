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

/// Up to so many windows every part of a share names them all; beyond, each only its own: parts times windows would be too many.
const WINDOWS_SHARED_MAX: usize = 256;
const UNNUMBERED: u32 = u32::MAX;

impl<K, V, A> Part<K, V, A> {
    /// This part, whose entries bear numbers in `windows`, with what the numbers mean. `scratch` is kept from part to part.
    pub(super) fn with_windows(mut self, windows: &[Window], scratch: &mut Vec<u32>) -> Self {
        if windows.len() <= WINDOWS_SHARED_MAX {
            return Part { windows: windows.to_vec(), ..self };
        }
        scratch.resize(windows.len(), UNNUMBERED);
        let mut own = Vec::new();
        let raw = self.raw.iter_mut().map(|entry| &mut entry.1);
        for number in raw.chain(self.folded.iter_mut().map(|entry| &mut entry.1)) {
            let renumbered = &mut scratch[*number as usize];
            if *renumbered == UNNUMBERED {
                *renumbered = own.len() as u32;
                own.push(*number);
            }
            *number = *renumbered;
        }
        own.iter().for_each(|number| scratch[*number as usize] = UNNUMBERED);
        Part { windows: own.iter().map(|number| windows[*number as usize]).collect(), ..self }
    }
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
