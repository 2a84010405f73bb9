//! Which triggers can fire again, which count and which can lose data: what construction refuses (SEMANTICS §3).

use super::Trigger;

impl Trigger {
    /// Whether a window can give more than one pane, were it kept for `lateness_ms` after its end.
    pub fn may_fire_more_than_once(&self, lateness_ms: i64) -> bool {
        match self {
            Trigger::Default => lateness_ms > 0,
            Trigger::Never => false,
            Trigger::AfterWatermark { early, late } => early.is_some() || (late.is_some() && lateness_ms > 0),
            Trigger::AfterProcessingTime { .. } | Trigger::AfterSynchronizedProcessingTime | Trigger::AfterCount(_) => {
                false
            }
            Trigger::AfterEach(_) | Trigger::Repeatedly(_) => true,
            Trigger::AfterFirst(parts) => parts.iter().all(|part| part.may_fire_more_than_once(lateness_ms)),
            Trigger::AfterAll(_) => false,
            Trigger::OrFinally(main, _) => main.may_fire_more_than_once(lateness_ms),
        }
    }

    /// Whether it counts more than a first element.
    pub fn counts_elements(&self) -> bool {
        let any = |parts: &[Trigger]| parts.iter().any(Trigger::counts_elements);
        match self {
            Trigger::AfterCount(count) => *count > 1,
            Trigger::Default
            | Trigger::Never
            | Trigger::AfterProcessingTime { .. }
            | Trigger::AfterSynchronizedProcessingTime => false,
            Trigger::AfterWatermark { early, late } => {
                [early, late].into_iter().flatten().any(|part| part.counts_elements())
            }
            Trigger::AfterEach(parts) | Trigger::AfterFirst(parts) | Trigger::AfterAll(parts) => any(parts),
            Trigger::OrFinally(main, until) => main.counts_elements() || until.counts_elements(),
            Trigger::Repeatedly(inner) => inner.counts_elements(),
        }
    }

    /// Whether the trigger finishes while its window still takes elements, which it would drop for ever.
    pub fn may_lose_data(&self, lateness_ms: i64) -> bool {
        match self {
            Trigger::Default | Trigger::Never | Trigger::Repeatedly(_) => false,
            Trigger::AfterWatermark { late, .. } => late.is_none() && lateness_ms > 0,
            Trigger::AfterProcessingTime { .. } | Trigger::AfterSynchronizedProcessingTime | Trigger::AfterCount(_) => {
                true
            }
            Trigger::AfterFirst(parts) => parts.iter().any(|part| part.may_lose_data(lateness_ms)),
            Trigger::AfterEach(parts) | Trigger::AfterAll(parts) => {
                parts.iter().all(|part| part.may_lose_data(lateness_ms))
            }
            Trigger::OrFinally(main, until) => main.may_lose_data(lateness_ms) || until.may_lose_data(lateness_ms),
        }
    }
}
