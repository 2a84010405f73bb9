//! Accumulators in snapshots.
//!
//! Format 1, as entries of a [`StateLog`]: a put is the accumulator by postcard; a merge is an accumulator too, of what came since, which
//! [merged](CombineFn::merge) into the one that there was gives the new one.

use super::tracking::Mark;
use crate::coder::{Coder, Postcard, encode_key};
use crate::combine::CombineFn;
use crate::snapshot::StateLog;
use crate::window::Window;
use crate::{BoxError, Element, Key};

/// Memory that is used anew for each entry.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Writes what an entry has become; its mark is taken back.
pub(super) fn write<K: Key, V: Element, C: CombineFn<V>>(
    combiner: &C,
    window: Window,
    (key, accumulator): (&K, &C::Accumulator),
    mark: &mut Mark,
    scratch: &mut Scratch,
    log: &mut StateLog,
) -> Result<(), BoxError> {
    let Scratch { key: encoded, value } = scratch;
    encoded.clear();
    value.clear();
    encode_key(key, encoded)?;
    let extent = extent(combiner, accumulator);
    *mark = match extent {
        // Once it is twice as long it is written anew: what is kept is never much more than there is.
        Some(extent) if mark.saved() > 0 && (mark.saved()..mark.put.saturating_mul(2)).contains(&extent) => {
            Postcard.encode(&combiner.since(accumulator, mark.saved() as usize), value)?;
            log.merge(window, encoded, value);
            Mark::new(extent, mark.put)
        }
        _ => {
            Postcard.encode(accumulator, value)?;
            log.put(window, encoded, value);
            let extent = extent.unwrap_or(0);
            Mark::new(extent, extent)
        }
    };
    Ok(())
}

/// The accumulator that was put, with what was merged into it; and the mark of an entry that has not changed since.
pub(super) fn read<V: Element, C: CombineFn<V>>(
    combiner: &C,
    value: &[u8],
    deltas: &[Vec<u8>],
) -> Result<(C::Accumulator, Mark), BoxError> {
    let mut accumulator: C::Accumulator = decoded(value)?;
    let put = extent(combiner, &accumulator).unwrap_or(0);
    for delta in deltas {
        combiner.merge(&mut accumulator, decoded(delta)?);
    }
    let mark = Mark::new(extent(combiner, &accumulator).unwrap_or(0), put);
    Ok((accumulator, mark))
}

/// The accumulator's extent, if it has one that can be noted.
fn extent<V: Element, C: CombineFn<V>>(combiner: &C, accumulator: &C::Accumulator) -> Option<u32> {
    u32::try_from(combiner.extent(accumulator)?).ok().filter(|extent| *extent <= Mark::EXTENT_MAX)
}

/// A value that takes up all of its bytes.
pub(super) fn decoded<T: Element>(mut from: &[u8]) -> Result<T, BoxError> {
    let value = Postcard.decode(&mut from)?;
    if from.is_empty() { Ok(value) } else { Err(format!("{} bytes are left over", from.len()).into()) }
}
