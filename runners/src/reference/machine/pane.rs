//! Which pane comes next, and whether it is emitted (SEMANTICS §6).

use purlin_model::window::{ClosingBehavior, OnTimeBehavior, Window, Windowing};
use purlin_model::{Pane, Timing};

use super::clock::Clock;

/// The pane that follows `previous`, the last one emitted.
pub(super) fn next(previous: Option<Pane>, window: Window, clock: &Clock, last: bool) -> Pane {
    let max = window.max_timestamp();
    let only_early_so_far = previous.is_none_or(|pane| pane.timing == Timing::Early);
    let timing = if clock.output > max || !only_early_so_far {
        Timing::Late
    } else if clock.input <= max {
        Timing::Early
    } else {
        Timing::OnTime
    };
    let nonspeculative_index = match timing {
        Timing::Early => -1,
        _ => previous.map_or(0, |pane| pane.nonspeculative_index + 1),
    };
    let index = previous.map_or(0, |pane| pane.index + 1);
    Pane { timing, index, nonspeculative_index, first: index == 0, last }
}

/// Whether a pane with or without new elements is emitted.
pub(super) fn is_emitted(pane: Pane, has_new_elements: bool, windowing: &Windowing) -> bool {
    let wanted_on_time = pane.timing == Timing::OnTime && windowing.on_time == OnTimeBehavior::Always;
    let wanted_at_close = pane.last && windowing.closing == ClosingBehavior::Always;
    has_new_elements || wanted_on_time || wanted_at_close
}
