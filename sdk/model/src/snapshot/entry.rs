//! One entry of keyed state, as a restored shard gets it.

use crate::window::Window;

/// The entry of one key in one window: what logs have made of it.
///
/// ```
/// use purlin_model::snapshot::StateEntry;
/// use purlin_model::window::Window;
///
/// let entry = StateEntry { window: Window::GLOBAL, key: b"alice".into(), value: b"7".into(), deltas: vec![] };
/// # let _ = entry;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// Its window.
    pub window: Window,
    /// Its key, encoded.
    pub key: Vec<u8>,
    /// What was put last.
    pub value: Vec<u8>,
    /// The merges since then, in order.
    pub deltas: Vec<Vec<u8>>,
}
