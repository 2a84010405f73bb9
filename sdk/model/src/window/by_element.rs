//! The function behind windows that elements give.

use super::{Merged, Window, WindowFn, WindowSet};
use crate::Timestamp;

/// Windows that are told by the elements, in [`window_by`](crate::PCollection::window_by), under a name that says what belongs together.
///
/// An auction lasts from its opening to the time that the opening names, and takes in every bid that falls into that:
///
/// ```
/// use purlin_model::{Pipeline, Timestamp, minutes, window::{ByElement, Window}};
/// use serde::{Serialize, Deserialize};
///
/// #[derive(Clone, Serialize, Deserialize)]
/// enum Event { Opens { auction: u32, until: Timestamp }, Bid { auction: u32, price: u64 } }
///
/// # let pipeline = Pipeline::new();
/// # let events = pipeline.create("events", [Event::Bid { auction: 1, price: 2 }]);
/// let auctions = events
///     .window_by("auction", ByElement::named("auctions").merging_overlaps(), |event, at| match event {
///         Event::Opens { until, .. } => [Window::new(at.timestamp, *until)],
///         Event::Bid { .. } => [Window::new(at.timestamp, at.timestamp.saturating_add_millis(1))],
///     })
///     .key_by("auction of", |event| match event { Event::Opens { auction, .. } | Event::Bid { auction, .. } => *auction })
///     .group_by_key("group");
/// ```
///
/// Timestamps alone do not tell such windows, so they can be no side inputs. A user's own [`WindowFn`] may be given to `window_by` too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByElement {
    name: String,
    merges: bool,
}

impl ByElement {
    /// Windows under a name; two of one name go together.
    pub fn named(name: &str) -> Self {
        ByElement { name: name.to_string(), merges: false }
    }

    /// Windows of one key and tag that overlap become one, as sessions do.
    pub fn merging_overlaps(self) -> Self {
        ByElement { merges: true, ..self }
    }
}

impl WindowFn for ByElement {
    fn name(&self) -> String {
        let merging = if self.merges { ", merging overlaps" } else { "" };
        format!("element({}{merging})", self.name)
    }

    fn needs_element(&self) -> bool {
        true
    }

    /// None: by its timestamp alone an element belongs nowhere.
    fn assign(&self, _at: Timestamp) -> WindowSet {
        WindowSet::run(Window::GLOBAL, 0, 0)
    }

    fn is_merging(&self) -> bool {
        self.merges
    }

    fn merges_overlaps(&self) -> bool {
        self.merges
    }

    fn merge(&self, windows: &[Window]) -> Vec<Merged> {
        if self.merges { Merged::overlapping(windows) } else { Vec::new() }
    }
}
