//! What a splittable `DoFn` is given to work on.

use super::{Restriction, WatermarkEstimator};
use crate::window::Window;
use crate::{At, Output, Timestamp};

/// One call's share of the work on an element: positions to claim, and where to emit.
pub struct SplitWork<'a, R, E, T> {
    pub(super) restriction: R,
    pub(super) estimator: E,
    /// What was interrupted, once it was.
    pub(super) rest: Option<R>,
    pub(super) claims_left: usize,
    pub(super) at: At,
    pub(super) out: &'a mut Output<T>,
}

impl<R: Restriction, E: WatermarkEstimator, T> SplitWork<'_, R, E, T> {
    /// Claims a position before anything is done for it. `false`: return [`Continuation::Stop`](super::Continuation::Stop); either the
    /// restriction ends here, or the runner has interrupted it and goes on later.
    pub fn try_claim(&mut self, position: R::Position) -> bool {
        if self.claims_left == 0 && self.rest.is_none() {
            self.rest = self.restriction.split_off();
        }
        self.claims_left = self.claims_left.saturating_sub(1);
        self.restriction.try_claim(position)
    }

    /// What is to be done, and how far it is claimed: where to go on.
    pub fn restriction(&self) -> &R {
        &self.restriction
    }

    /// The estimator, for one that is told.
    pub fn estimator(&mut self) -> &mut E {
        &mut self.estimator
    }

    /// The element's event time.
    pub fn timestamp(&self) -> Timestamp {
        self.at.timestamp
    }

    /// The element's window.
    pub fn window(&self) -> Window {
        self.at.window
    }

    /// Emits at the element's time. Once the watermark has moved on that is late.
    pub fn emit(&mut self, value: T) {
        self.emit_at(value, self.at.timestamp);
    }

    /// Emits at a time that is not earlier than the element's.
    pub fn emit_at(&mut self, value: T, timestamp: Timestamp) {
        self.estimator.observe(timestamp);
        self.out.emit_at_place(value, At { timestamp, ..self.at });
    }
}
