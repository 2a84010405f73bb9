//! Says in the log, unasked, when the watermark of a streaming job stands still: nothing comes out, and this is why.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::observe::{Held, Observer};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A watermark that stands still for so long is worth a line.
const STALLED_AFTER: Duration = Duration::from_secs(15);

/// Looks on until it is dropped.
pub(super) struct Watch {
    _end: mpsc::Sender<()>,
}

/// Begins to look on.
pub(super) fn watch(observer: Arc<Observer>) -> Watch {
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut stall = Stall::default();
        while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            if let Some(held) = stall.look(observer.held(), Instant::now()) {
                tracing::warn!("nothing can come out of open windows: {held}");
            }
        }
    });
    Watch { _end: end }
}

/// How long the watermark has stood where it is, and whether that was told.
#[derive(Default)]
struct Stall {
    last: Option<(Held, Instant)>,
    told: bool,
}

impl Stall {
    /// What is to be told now, if anything is: each stall once.
    fn look(&mut self, held: Option<Held>, now: Instant) -> Option<Held> {
        let Some(held) = held else {
            *self = Stall::default();
            return None;
        };
        let (last, since) = self.last.get_or_insert_with(|| (held.clone(), now));
        if last.at != held.at || last.by != held.by {
            (*last, *since, self.told) = (held, now, false);
            return None;
        }
        // While it gives data it is only slow, as before its first watermark.
        let has_reason = held.silent_since.is_some() || held.blocked_since.is_some();
        let tells = !self.told && has_reason && now - *since >= STALLED_AFTER;
        self.told |= tells;
        tells.then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use purlin_model::Timestamp;

    use super::*;

    #[test]
    fn each_stall_is_told_once() {
        let held = |at| {
            let silent_since = Some(Timestamp::from_millis(1));
            Some(Held { by: "orders/3".into(), at: Timestamp::from_millis(at), silent_since, blocked_since: None })
        };
        let (mut stall, start) = (Stall::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(stall.look(held(5), start), None);
        assert_eq!(stall.look(held(5), after(14)), None);
        assert_eq!(stall.look(held(5), after(15)), held(5));
        assert_eq!(stall.look(held(5), after(60)), None, "it was told");
        assert_eq!(stall.look(held(6), after(61)), None, "it went on");
        assert_eq!(stall.look(held(6), after(76)), held(6));
        assert_eq!(stall.look(None, after(77)), None);
    }
}
