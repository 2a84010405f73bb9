//! Elements as the reference runner keeps them: encoded, each in exactly one window.
//!
//! Every element of every collection passes through [`encode`], which takes back what the collection's coder wrote. So a coder that
//! cannot do that fails here by name, where other runners may never have asked it to.

use purlin_model::bundle::{AnyBundle, ElementSides};
use purlin_model::graph::Collection;
use purlin_model::window::{Window, WindowSet};
use purlin_model::{BoxError, Failure, Pane, Timestamp};

/// One element in one window.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) bytes: Vec<u8>,
    pub(super) timestamp: Timestamp,
    pub(super) window: Window,
    pub(super) pane: Pane,
}

impl Element {
    pub(super) fn sides(&self) -> ElementSides {
        ElementSides { timestamp: self.timestamp, windows: WindowSet::one(self.window), pane: self.pane }
    }
}

/// Takes all elements out of `bundle`, which the transform of this name has made for `collection`.
pub(super) fn encode(
    transform: &str,
    collection: &Collection,
    bundle: &mut dyn AnyBundle,
    into: &mut Vec<Element>,
) -> Result<(), Failure> {
    bundle.explode_windows();
    for i in 0..bundle.len() {
        let sides = bundle.sides().get(i);
        let (timestamp, pane, window) = (sides.timestamp, sides.pane, sides.windows.first());
        if !timestamp.is_valid_for_element() {
            let cause = format!("it gave an element the timestamp {} ms, which none may have", timestamp.millis());
            return Err(Failure::Transform { transform: transform.into(), origin: None, cause: cause.into() });
        }
        let bytes = encode_one(collection, bundle, i).map_err(|cause| coder_failure(transform, collection, cause))?;
        into.push(Element { bytes, timestamp, window, pane });
    }
    bundle.clear();
    Ok(())
}

/// A bundle of these elements of `collection`, for the transform of this name.
pub(super) fn decode<'a>(
    transform: &str,
    collection: &Collection,
    elements: impl IntoIterator<Item = &'a Element>,
) -> Result<Box<dyn AnyBundle>, Failure> {
    let mut bundle = collection.coder.new_bundle();
    for element in elements {
        let sides = element.sides();
        decode_one(collection, &element.bytes, sides, &mut *bundle)
            .map_err(|cause| coder_failure(transform, collection, cause))?;
    }
    Ok(bundle)
}

/// Element `i` as bytes that give it back.
fn encode_one(collection: &Collection, bundle: &dyn AnyBundle, i: usize) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    collection.coder.encode(bundle, i, &mut bytes)?;
    let mut back = collection.coder.new_bundle();
    decode_one(collection, &bytes, bundle.sides().get(i), &mut *back)?;
    let mut again = Vec::new();
    collection.coder.encode(&*back, 0, &mut again)?;
    // A hash map is written in another order each time, with the same bytes altogether.
    if sorted(&bytes) != sorted(&again) {
        return Err("an element came back changed: its encoding differs from the first one".into());
    }
    Ok(bytes)
}

fn decode_one(
    collection: &Collection,
    mut bytes: &[u8],
    sides: ElementSides,
    into: &mut dyn AnyBundle,
) -> Result<(), BoxError> {
    collection.coder.decode(&mut bytes, sides, into)?;
    if !bytes.is_empty() {
        return Err(format!("{} bytes of an element were left unread", bytes.len()).into());
    }
    Ok(())
}

fn sorted(bytes: &[u8]) -> Vec<u8> {
    let mut sorted = bytes.to_vec();
    sorted.sort_unstable();
    sorted
}

fn coder_failure(transform: &str, collection: &Collection, cause: BoxError) -> Failure {
    Failure::Coder { transform: transform.into(), element_type: collection.coder.element_type(), cause }
}
