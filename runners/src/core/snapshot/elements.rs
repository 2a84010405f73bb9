//! Elements that wait, as bytes.
//!
//! Format 1: one behind the other, each its timestamp, window and pane by postcard, and its value by the collection's coder.

use purlin_model::bundle::{AnyBundle, ElementSides};
use purlin_model::coder::{AnyCoder, Coder, Postcard};
use purlin_model::window::{Window, WindowSet};
use purlin_model::{BoxError, Pane, Timestamp};
use serde::{Deserialize, Serialize};

/// Elements of one collection, each in one window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementsSnapshot {
    count: usize,
    /// The element type and the coder; empty where there are no elements.
    of: (String, String),
    bytes: Vec<u8>,
}

impl ElementsSnapshot {
    /// Those of these bundles, in order. Each lies in exactly one window.
    pub(in crate::core) fn of<'a>(
        coder: &dyn AnyCoder,
        bundles: impl IntoIterator<Item = &'a dyn AnyBundle>,
    ) -> Result<Self, BoxError> {
        let mut snapshot = ElementsSnapshot::default();
        for bundle in bundles {
            for i in 0..bundle.len() {
                let ElementSides { timestamp, windows, pane } = bundle.sides().get(i);
                debug_assert_eq!(windows.len(), 1, "what waits does so window by window");
                Postcard.encode(&(timestamp, windows.first(), pane), &mut snapshot.bytes)?;
                coder.encode(bundle, i, &mut snapshot.bytes)?;
            }
            snapshot.count += bundle.len();
        }
        if snapshot.count > 0 {
            snapshot.of = (coder.element_type().to_string(), coder.name().to_string());
        }
        Ok(snapshot)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends them to `into`, a bundle of `coder`'s type; refuses another type than they had.
    pub(in crate::core) fn read(&self, coder: &dyn AnyCoder, into: &mut dyn AnyBundle) -> Result<(), BoxError> {
        if self.is_empty() {
            return Ok(());
        }
        let (element_type, coder_name) = (&self.of.0, &self.of.1);
        if (element_type.as_str(), coder_name.as_str()) != (coder.element_type(), coder.name()) {
            let (now, coder_now) = (coder.element_type(), coder.name());
            return Err(format!(
                "{} elements wait in the snapshot that are of type `{element_type}` by the coder `{coder_name}`, and now the type is \
                 `{now}` and the coder `{coder_now}`: keep both, or start without the snapshot",
                self.count
            )
            .into());
        }
        let mut from = self.bytes.as_slice();
        for _ in 0..self.count {
            let (timestamp, window, pane): (Timestamp, Window, Pane) = Postcard.decode(&mut from)?;
            coder.decode(&mut from, ElementSides { timestamp, windows: WindowSet::one(window), pane }, into)?;
        }
        if from.is_empty() { Ok(()) } else { Err(format!("{} bytes are left over behind elements", from.len()).into()) }
    }
}
