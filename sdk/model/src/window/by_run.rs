//! Assignment for windows that cut time without gap or overlap.

use super::WindowSet;
use crate::Timestamp;
use crate::bundle::Column;

/// Gives each timestamp the one window that `window` finds for it, asking once for each run of timestamps that share theirs: neighbours in
/// a bundle mostly do, and finding out costs more than all the rest.
#[inline]
pub(super) fn assign_by_run(
    timestamps: &[Timestamp],
    windows: &mut Column<WindowSet>,
    mut window: impl FnMut(Timestamp) -> WindowSet,
) {
    let Some(first) = timestamps.first() else { return };
    let mut last = window(*first);
    let (min, max) = timestamps.iter().fold((*first, *first), |(min, max), at| (min.min(*at), max.max(*at)));
    if last.first().contains(min) && last.first().contains(max) {
        return windows.set(last);
    }
    windows.refill(timestamps.iter().map(|at| {
        if !last.first().contains(*at) {
            last = window(*at);
        }
        last
    }));
}
